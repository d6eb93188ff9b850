//! The code cache: its heaps, and the piece of code at an address.

use super::layout::{Field, Layout};
use super::reads::Reads;
use std::ops::Range;

/// The most heaps that are read.
const MOST_HEAPS: u64 = 16;
/// The largest size of a heap's segment, as a power of two.
const MOST_LOG: u64 = 16;
/// The most steps from a segment to the first one of its block.
const MOST_STEPS: usize = 1 << 14;
/// In the map of segments: a segment that is in no block.
const FREE: u64 = 0xff;

/// The fields of the code cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cache {
    heaps: Heaps,
    memory: Field,
    segments: Field,
    log: Field,
    low: Field,
    high: Field,
    length: Field,
    used: Field,
    header: u64,
    name: Field,
    size: Field,
    code: Code,
}

/// The place where the heaps are listed.
#[derive(Clone, Copy, Debug)]
enum Heaps {
    One(Field),
    List { list: Field, len: Field, data: Field },
}

/// The way in which a blob gives the place of its code.
#[derive(Clone, Copy, Debug)]
enum Code {
    Addresses(Field, Field),
    Offsets(Field, Field),
}

/// A piece of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    /// The address of its description.
    pub(super) at: u64,
    /// The virtual machine's name for it.
    pub(super) name: String,
    pub(super) code: Range<u64>,
    /// The first address behind the piece and all that belongs to it.
    pub(super) end: u64,
}

impl Blob {
    /// Whether it is a compiled method.
    pub(super) fn is_method(&self) -> bool {
        matches!(self.name.as_str(), "nmethod" | "native nmethod")
    }
}

impl Cache {
    /// `None` if a version lacks some of the fields.
    pub(super) fn of(layout: &Layout) -> Option<Self> {
        let field = |path| layout.field(path);
        let heaps = field("CodeCache::_heap").map(Heaps::One).or_else(|| {
            let len = field("GrowableArrayBase::_len").or(field("GenericGrowableArray::_len"))?;
            let (list, data) = (field("CodeCache::_heaps")?, field("GrowableArray<int>::_data")?);
            Some(Heaps::List { list, len, data })
        })?;
        let code = match (field("CodeBlob::_code_begin"), field("CodeBlob::_code_end")) {
            (Some(begin), Some(end)) => Code::Addresses(begin, end),
            _ => Code::Offsets(field("CodeBlob::_code_offset")?, field("CodeBlob::_data_offset")?),
        };
        Some(Self {
            heaps,
            memory: field("CodeHeap::_memory")?,
            segments: field("CodeHeap::_segmap")?,
            log: field("CodeHeap::_log2_segment_size")?,
            low: field("VirtualSpace::_low")?,
            high: field("VirtualSpace::_high")?,
            length: field("HeapBlock::Header::_length")?,
            used: field("HeapBlock::Header::_used")?,
            header: layout.size("HeapBlock")?,
            name: field("CodeBlob::_name")?,
            size: field("CodeBlob::_size")?,
            code,
        })
    }

    /// The piece of code at an address, if there is one now.
    pub(super) fn blob(&self, reads: &Reads<'_>, address: u64) -> Option<Blob> {
        let heap = self.heap(reads, address)?;
        let log = self.log.count(reads, heap).filter(|log| *log <= MOST_LOG)?;
        let low = self.low.address(reads, heap.checked_add(self.memory.at)?)?;
        let map = self.low.address(reads, heap.checked_add(self.segments.at)?)?;
        let mut segment = address.checked_sub(low)? >> log;
        for _ in 0..MOST_STEPS {
            match reads.number(map.checked_add(segment)?, 1)? {
                FREE => return None,
                0 => {
                    let block = low.checked_add(segment.checked_mul(1 << log)?)?;
                    return self.in_block(reads, block, log, address);
                }
                back => segment = segment.checked_sub(back)?,
            }
        }
        None
    }

    /// The heap with an address.
    fn heap(&self, reads: &Reads<'_>, address: u64) -> Option<u64> {
        let has = |heap: &u64| {
            let space = heap.checked_add(self.memory.at)?;
            let (low, high) = (self.low.address(reads, space)?, self.high.address(reads, space)?);
            (low..high).contains(&address).then_some(())
        };
        match self.heaps {
            Heaps::One(heap) => heap.value(reads).filter(|heap| has(heap).is_some()),
            Heaps::List { list, len, data } => {
                let list = list.value(reads)?;
                let count = len.count(reads, list)?.min(MOST_HEAPS);
                let data = data.address(reads, list)?;
                (0..count)
                    .filter_map(|index| reads.word(data.checked_add(8 * index)?))
                    .find(|heap| has(heap).is_some())
            }
        }
    }

    /// The piece of code in a block, if it has this address.
    fn in_block(&self, reads: &Reads<'_>, block: u64, log: u64, address: u64) -> Option<Blob> {
        let length = self.length.count(reads, block)?.checked_mul(1 << log)?;
        let last = block.checked_add(length)?;
        let used = self.used.read(reads, block)? != 0;
        if !used || address >= last {
            return None;
        }
        let at = block.checked_add(self.header)?;
        let code = match self.code {
            Code::Addresses(begin, end) => begin.address(reads, at)?..end.address(reads, at)?,
            Code::Offsets(begin, end) => {
                at.checked_add(begin.count(reads, at)?)?..at.checked_add(end.count(reads, at)?)?
            }
        };
        let end = at.checked_add(self.size.count(reads, at)?).filter(|end| *end <= last)?;
        let name = reads.text(self.name.address(reads, at)?)?;
        let inside = at < code.start && code.contains(&address) && code.end <= end;
        inside.then_some(Blob { at, name, code, end })
    }
}

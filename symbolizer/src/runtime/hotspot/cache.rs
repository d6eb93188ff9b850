//! The code cache: its heaps, their blocks, and each block's description of its code.

use super::layout::{Field, Layout};
use super::words::Words;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

/// The most heaps that are read.
const MOST_HEAPS: u64 = 16;
/// The most bytes that all heaps may span.
const MOST_SPAN: u64 = 3 << 30;
/// The largest size of a heap's segment, as a power of two.
const MOST_LOG: u64 = 16;
/// The most steps from a segment to the first one of its block.
const MOST_STEPS: usize = 1 << 14;
/// In the map of segments: a segment that is in no block.
const FREE: u64 = 0xff;

/// The fields of the code cache.
#[derive(Clone, Copy, Debug)]
pub struct Cache {
    heaps: Heaps,
    memory: Field,
    segments: Field,
    log: Field,
    low: Field,
    high: Field,
    low_boundary: Field,
    high_boundary: Field,
    length: Field,
    used: Field,
    header: u64,
    name: Field,
    size: Field,
    complete: Field,
    words: Field,
    code: Code,
    id: Field,
    state: Option<Field>,
    second_entry: Field,
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

/// Where a block has the description of its code, in bytes from its begin. Of numbers, the bytes as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Whether the block holds a piece of code.
    pub used: u64,
    /// The offset from which on the frame is set up.
    pub complete: (u64, usize),
    /// The words of the frame.
    pub words: (u64, usize),
    /// The begin of the code: its address, or its distance from the description.
    pub begin: (u64, usize),
    /// The number of a compiled method.
    pub number: (u64, usize),
    /// Whether it is the address.
    pub is_address: bool,
    /// The description itself.
    pub description: u64,
}

/// A heap of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heap {
    /// The address of its description.
    pub at: u64,
    /// The reserved addresses.
    pub reserved: Range<u64>,
    /// The addresses that may have code.
    pub used: Range<u64>,
    log: u32,
}

/// The head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first address behind it.
    pub next: u64,
    /// Whether it holds a piece of code.
    pub used: bool,
}

/// A piece of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The address of its description.
    pub at: u64,
    /// The virtual machine's name for it.
    pub name: String,
    /// Its code.
    pub code: Range<u64>,
    /// The first address behind the piece and all that belongs to it.
    pub end: u64,
    /// The offset from which on the frame is set up; negative: never.
    pub complete: i64,
    /// The words of its frame.
    pub words: i64,
    /// The second entry of a method that was entered in a loop.
    pub second_entry: u64,
    /// The number of a compiled method, which no other one gets. Of other pieces, a part of their code.
    pub number: u32,
    /// A value that differs from that of every other blob in this place.
    pub mark: u64,
}

impl Heap {
    /// The bytes of a segment.
    pub fn segment(&self) -> u64 {
        1 << self.log
    }

    /// The bytes of a segment, as a power of two.
    pub fn log(&self) -> u32 {
        self.log
    }
}

impl Blob {
    /// Whether it is a compiled method.
    pub fn is_method(&self) -> bool {
        is_method(&self.name)
    }
}

/// Whether a blob of this name is a compiled method.
pub fn is_method(name: &str) -> bool {
    matches!(name, "nmethod" | "native nmethod")
}

impl Cache {
    /// The bytes of a block's head that are read at once.
    pub const HEAD: usize = 512;
    /// In the map of segments: the first one of a block.
    pub const FIRST_SEGMENT: u8 = 0;

    /// `None` if a version lacks some of the fields.
    pub fn of(layout: &Layout) -> Option<Self> {
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
            low_boundary: field("VirtualSpace::_low_boundary")?,
            high_boundary: field("VirtualSpace::_high_boundary")?,
            length: field("HeapBlock::Header::_length")?,
            used: field("HeapBlock::Header::_used")?,
            header: layout.size("HeapBlock")?,
            name: field("CodeBlob::_name")?,
            size: field("CodeBlob::_size")?,
            complete: field("CodeBlob::_frame_complete_offset")?,
            words: field("CodeBlob::_frame_size")?,
            code,
            id: field("nmethod::_compile_id")?,
            state: field("nmethod::_state"),
            second_entry: field("nmethod::_osr_entry_point")?,
        })
    }

    /// The places of what is read without a reading; `None`: they are out of reach.
    pub fn places(&self) -> Option<Places> {
        let place = |field: Field| {
            let (at, size) = field.place();
            Some((at.checked_add(self.header)?, size))
        };
        let (begin, is_address) = match self.code {
            Code::Addresses(begin, _) => (begin, true),
            Code::Offsets(begin, _) => (begin, false),
        };
        Some(Places {
            used: self.used.at,
            complete: place(self.complete)?,
            words: place(self.words)?,
            begin: place(begin)?,
            number: place(self.id)?,
            is_address,
            description: self.header,
        })
    }

    /// The heaps, sorted; `None` if their description is inconsistent.
    pub fn heaps(&self, words: &dyn Words) -> Option<Vec<Heap>> {
        let objects: Vec<u64> = match self.heaps {
            Heaps::One(heap) => vec![heap.value(words)?],
            Heaps::List { list, len, data } => {
                let list = list.value(words)?;
                let (count, data) = (len.count(words, list)?, data.address(words, list)?);
                let at = |index| words.word(data.checked_add(8 * index)?);
                (0..count.min(MOST_HEAPS)).map(at).collect::<Option<_>>()?
            }
        };
        let mut heaps =
            objects.iter().map(|at| self.heap(words, *at)).collect::<Option<Vec<_>>>()?;
        heaps.sort_unstable_by_key(|heap| heap.reserved.start);
        let apart = heaps.windows(2).all(|pair| pair[0].reserved.end <= pair[1].reserved.start);
        let span = heaps.last()?.reserved.end - heaps.first()?.reserved.start;
        (apart && span <= MOST_SPAN).then_some(heaps)
    }

    fn heap(&self, words: &dyn Words, at: u64) -> Option<Heap> {
        let space = at.checked_add(self.memory.at)?;
        let bound = |field: Field| field.address(words, space);
        let (used, reserved) = (
            bound(self.low)?..bound(self.high)?,
            bound(self.low_boundary)?..bound(self.high_boundary)?,
        );
        let log = self.log.count(words, at).filter(|log| *log <= MOST_LOG)? as u32;
        let inside =
            reserved.start <= used.start && used.start < used.end && used.end <= reserved.end;
        inside.then_some(Heap { at, reserved, used, log })
    }

    /// The addresses of the map of a heap's segments: a byte for each of those that may have code.
    pub fn map(&self, words: &dyn Words, heap: &Heap) -> Option<Range<u64>> {
        let start = self.low.address(words, heap.at.checked_add(self.segments.at)?)?;
        let segments = (heap.used.end - heap.used.start) >> heap.log;
        Some(start..start.checked_add(segments)?)
    }

    /// The address of the block with an address in its code, by the map of a heap's segments; `None`: there is none now.
    pub fn block(&self, words: &dyn Words, heap: &Heap, address: u64) -> Option<u64> {
        let (low, map) = (heap.used.start, self.map(words, heap)?.start);
        let mut segment = address.checked_sub(low)? >> heap.log;
        for _ in 0..MOST_STEPS {
            match words.number(map.checked_add(segment)?, 1)? {
                FREE => return None,
                0 => return low.checked_add(segment.checked_mul(heap.segment())?),
                back => segment = segment.checked_sub(back)?,
            }
        }
        None
    }

    /// The head of a block, of its bytes; `None`: it is none, or ends outside its heap.
    pub fn head(&self, heap: &Heap, block: u64, head: &[u8]) -> Option<Block> {
        let length = self.length.of(head).filter(|length| *length != 0)? as u64;
        let next = length.checked_mul(heap.segment()).and_then(|len| block.checked_add(len));
        let next = next.filter(|next| *next <= heap.used.end)?;
        Some(Block { next, used: self.is_used(head) })
    }

    /// Whether a block holds a piece of code.
    pub fn is_used(&self, head: &[u8]) -> bool {
        self.used.of(head).is_some_and(|used| used != 0)
    }

    /// The address of the name of a block's piece of code, of the bytes of its head.
    pub fn name(&self, head: &[u8]) -> Option<u64> {
        Some(self.name.of(head.get(usize::try_from(self.header).ok()?..)?)? as u64)
    }

    /// A block's piece of code, of the bytes of its head.
    pub fn blob(
        &self,
        block: u64,
        head: &[u8],
        text: impl FnOnce(u64) -> Option<String>,
    ) -> Option<Blob> {
        let head = head.get(usize::try_from(self.header).ok()?..)?;
        let at = block.checked_add(self.header)?;
        let size = self.size.of(head).filter(|size| *size > 0)?;
        let end = at.checked_add_signed(size)?;
        let code = match self.code {
            Code::Addresses(begin, end) => begin.of(head)? as u64..end.of(head)? as u64,
            Code::Offsets(begin, end) => {
                at.checked_add_signed(begin.of(head)?)?..at.checked_add_signed(end.of(head)?)?
            }
        };
        let name_at = self.name.of(head)? as u64;
        let name = text(name_at)?;
        let method = is_method(&name);
        let installed = self.state.and_then(|state| state.of(head)).is_none_or(|state| state >= 0);
        let inside = at < code.start && code.start < code.end && code.end <= end;
        if !inside || method && !installed {
            return None;
        }
        let of_method = |field: Field| if method { field.of(head).unwrap_or(0) } else { 0 };
        let (complete, words) = (self.complete.of(head)?, self.words.of(head)?);
        let (id, second_entry) = (of_method(self.id), of_method(self.second_entry) as u64);
        let mut hasher = DefaultHasher::new();
        (name_at, size, &code, complete, words, id, second_entry).hash(&mut hasher);
        let mark = hasher.finish();
        let number = self.id.of(head).unwrap_or(0) as u32;
        Some(Blob { at, name, code, end, complete, words, second_entry, number, mark })
    }
}

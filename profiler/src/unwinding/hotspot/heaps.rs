//! The code cache: its heaps, their blocks, and each block's description of its code.

use super::codelets::Interpreter;
use super::layout::{Field, Layout};
use super::memory::Reader;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

/// The most heaps and blocks that are read.
const MOST_HEAPS: u64 = 16;
pub(super) const MOST_BLOCKS: usize = 1 << 18;
/// The most bytes that all heaps may span.
const MOST_SPAN: u64 = 3 << 30;
/// The bytes of a block's head that are read at once.
const HEAD: usize = 512;
/// The largest size of a block's segment, as a power of two.
const MOST_LOG: i64 = 16;

/// The fields that reading the heaps needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    heaps: Heaps,
    memory: Field,
    log: Field,
    low: Field,
    high: Field,
    low_boundary: Field,
    high_boundary: Field,
    length: Field,
    used: Field,
    block: u64,
    name: Field,
    size: Field,
    complete: Field,
    words: Field,
    code: Code,
    id: Field,
    state: Option<Field>,
    second_entry: Field,
    /// The pieces of the interpreter, if the version describes them.
    pub(super) interpreter: Option<Interpreter>,
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

impl Fields {
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
            code,
            memory: field("CodeHeap::_memory")?,
            log: field("CodeHeap::_log2_segment_size")?,
            low: field("VirtualSpace::_low")?,
            high: field("VirtualSpace::_high")?,
            low_boundary: field("VirtualSpace::_low_boundary")?,
            high_boundary: field("VirtualSpace::_high_boundary")?,
            length: field("HeapBlock::Header::_length")?,
            used: field("HeapBlock::Header::_used")?,
            block: layout.size("HeapBlock")?,
            name: field("CodeBlob::_name")?,
            size: field("CodeBlob::_size")?,
            complete: field("CodeBlob::_frame_complete_offset")?,
            words: field("CodeBlob::_frame_size")?,
            id: field("nmethod::_compile_id")?,
            state: field("nmethod::_state"),
            second_entry: field("nmethod::_osr_entry_point")?,
            interpreter: Interpreter::of(layout),
        })
    }
}

/// A heap of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heap {
    /// The reserved addresses.
    pub(super) reserved: Range<u64>,
    used: Range<u64>,
    log: u32,
}

/// The content of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) name: String,
    pub(super) code: Range<u64>,
    /// The offset from which on the frame is set up; negative: never.
    pub(super) complete: i64,
    pub(super) words: i64,
    pub(super) second_entry: u64,
    /// A value that differs from that of every other blob in this place.
    pub(super) identity: u64,
}

/// The heaps, sorted; `None` if their description is inconsistent.
pub(super) fn heaps(fields: &Fields, reader: &Reader<'_>) -> Option<Vec<Heap>> {
    let objects: Vec<u64> = match fields.heaps {
        Heaps::One(heap) => vec![reader.word(heap.at)?],
        Heaps::List { list, len, data } => {
            let list = reader.word(list.at)?;
            let count = u64::try_from(len.read(reader, list)?).ok()?;
            let data = data.address(reader, list)?;
            let at = |index| reader.word(data.checked_add(8 * index)?);
            (0..count.min(MOST_HEAPS)).map(at).collect::<Option<_>>()?
        }
    };
    let mut heaps =
        objects.iter().map(|at| heap(fields, reader, *at)).collect::<Option<Vec<_>>>()?;
    heaps.sort_unstable_by_key(|heap| heap.reserved.start);
    let apart = heaps.windows(2).all(|pair| pair[0].reserved.end <= pair[1].reserved.start);
    let span = heaps.last()?.reserved.end - heaps.first()?.reserved.start;
    (apart && span <= MOST_SPAN).then_some(heaps)
}

fn heap(fields: &Fields, reader: &Reader<'_>, at: u64) -> Option<Heap> {
    let space = at.checked_add(fields.memory.at)?;
    let [low, high, first, last] =
        [fields.low, fields.high, fields.low_boundary, fields.high_boundary]
            .map(|field| field.address(reader, space));
    let (used, reserved) = (low?..high?, first?..last?);
    let log = fields.log.read(reader, at).filter(|log| (0..=MOST_LOG).contains(log))? as u32;
    let inside = reserved.start <= used.start && used.start < used.end && used.end <= reserved.end;
    inside.then_some(Heap { reserved, used, log })
}

/// Reads a block's blob from the bytes after the block's header.
pub(super) fn blob(
    fields: &Fields,
    names: &mut Names<'_, '_>,
    block: u64,
    head: &[u8],
) -> Option<Blob> {
    let head = head.get(usize::try_from(fields.block).ok()?..)?;
    let at = block.checked_add(fields.block)?;
    let size = fields.size.of(head).filter(|size| *size > 0)?;
    let end = at.checked_add_signed(size)?;
    let code = match fields.code {
        Code::Addresses(begin, end) => begin.of(head)? as u64..end.of(head)? as u64,
        Code::Offsets(begin, end) => {
            at.checked_add_signed(begin.of(head)?)?..at.checked_add_signed(end.of(head)?)?
        }
    };
    let name_at = fields.name.of(head)? as u64;
    let name = names.get(name_at)?;
    let method = is_method(&name);
    let installed = fields.state.and_then(|state| state.of(head)).is_none_or(|state| state >= 0);
    let inside = at < code.start && code.start < code.end && code.end <= end;
    if !inside || method && !installed {
        return None;
    }
    let of_method = |field: Field| if method { field.of(head).unwrap_or(0) } else { 0 };
    let (complete, words) = (fields.complete.of(head)?, fields.words.of(head)?);
    let (id, second_entry) = (of_method(fields.id), of_method(fields.second_entry) as u64);
    let mut hasher = DefaultHasher::new();
    (name_at, size, &code, complete, words, id, second_entry).hash(&mut hasher);
    let identity = hasher.finish();
    Some(Blob { name, code, complete, words, second_entry, identity })
}

/// Whether a blob of this name is a compiled method.
pub(super) fn is_method(name: &str) -> bool {
    matches!(name, "nmethod" | "native nmethod")
}

/// The names that were read before, by address.
#[derive(Debug)]
pub(super) struct Names<'a, 'm> {
    reader: &'a Reader<'m>,
    known: HashMap<u64, Option<String>>,
}

impl<'a, 'm> Names<'a, 'm> {
    pub(super) fn new(reader: &'a Reader<'m>) -> Self {
        Self { reader, known: HashMap::new() }
    }

    fn get(&mut self, at: u64) -> Option<String> {
        self.known.entry(at).or_insert_with(|| self.reader.text(at)).clone()
    }
}

/// The result of a walk along the heaps.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// All blobs with the addresses of their blocks.
    pub(super) blobs: Vec<(u64, Blob)>,
    /// The ranges that the walk did not reach: a heap changed during the walk, or there are too many blocks.
    pub(super) missed: Vec<Range<u64>>,
}

/// Walks along the heaps' blocks.
pub(super) fn walk(fields: &Fields, reader: &Reader<'_>, heaps: &[Heap]) -> Walk {
    let mut names = Names::new(reader);
    let mut walk = Walk::default();
    let mut left = MOST_BLOCKS;
    for heap in heaps {
        let blobs = &mut walk.blobs;
        let missed = along(fields, &mut names, heap, &mut left, |at, blob| blobs.push((at, blob)));
        walk.missed.extend(missed.map(|at| at..heap.reserved.end));
    }
    walk
}

/// Walks along the blocks of a heap. Returns the address at which it ended, if that was before the last block. A block
/// of length zero is the first one that was never used.
fn along(
    fields: &Fields,
    names: &mut Names<'_, '_>,
    heap: &Heap,
    left: &mut usize,
    mut found: impl FnMut(u64, Blob),
) -> Option<u64> {
    let mut at = heap.used.start;
    while at < heap.used.end {
        let mut head = [0; HEAD];
        let len = HEAD.min((heap.used.end - at) as usize);
        if *left == 0 || !names.reader.fill(at, &mut head[..len]) {
            return Some(at);
        }
        *left -= 1;
        let length = fields.length.of(&head).unwrap_or(0) as u64;
        if length == 0 {
            return None;
        }
        let next = length.checked_mul(1 << heap.log).and_then(|len| at.checked_add(len));
        let Some(next) = next.filter(|next| *next <= heap.used.end) else { return Some(at) };
        let used = fields.used.of(&head).is_some_and(|used| used != 0);
        let blob = used.then(|| blob(fields, names, at, &head[..len])).flatten();
        if let Some(blob) = blob.filter(|blob| blob.code.end <= next) {
            found(at, blob);
        }
        at = next;
    }
    None
}

/// The identity of the blob that is in a block now, if there is one; `None` if it cannot be read.
pub(super) fn identity(
    fields: &Fields,
    reader: &Reader<'_>,
    names: &mut Names<'_, '_>,
    block: u64,
    end: u64,
) -> Option<Option<u64>> {
    let mut head = [0; HEAD];
    let len = HEAD.min(usize::try_from(end.checked_sub(block)?).ok()?);
    reader.fill(block, &mut head[..len]).then_some(())?;
    let used = fields.used.of(&head).is_some_and(|used| used != 0);
    let blob = used.then(|| blob(fields, names, block, &head[..len])).flatten();
    Some(blob.map(|blob| blob.identity))
}

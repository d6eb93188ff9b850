//! The walk over the blocks of the code cache, and the look at one of them.

use super::memory::Reader;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use symbolizer::runtime::hotspot::Words;
use symbolizer::runtime::hotspot::cache::{Blob, Block, Cache, Heap};

/// The most blocks that are read.
pub(super) const MOST_BLOCKS: usize = 1 << 18;

/// The bytes of the map of segments, and the heads, that are read at once.
const STRETCH: u64 = 256 << 10;
const AT_ONCE: usize = 1 << 11;

/// The most names that are kept from one look to the next.
const MOST_NAMES: usize = 1 << 12;

/// Names, by address.
pub(super) type KnownNames = HashMap<u64, Option<String>>;

/// The names that were read before.
#[derive(Debug)]
pub(super) struct Names<'a, 'm> {
    reader: &'a Reader<'m>,
    known: KnownNames,
}

impl<'a, 'm> Names<'a, 'm> {
    pub(super) fn new(reader: &'a Reader<'m>) -> Self {
        Self::knowing(reader, KnownNames::new())
    }

    /// With the names of an earlier look. They are good enough to tell methods: no method's name is ever that of other code.
    pub(super) fn knowing(reader: &'a Reader<'m>, known: KnownNames) -> Self {
        Self { reader, known }
    }

    /// The names for the next look.
    pub(super) fn known(mut self) -> KnownNames {
        self.known.retain(|_, name| name.is_some());
        if self.known.len() <= MOST_NAMES { self.known } else { KnownNames::new() }
    }

    /// Reads the names of the pieces of code with these heads at once. Each one alone would be a question to another process.
    pub(super) fn learn(&mut self, cache: &Cache, heads: &[Option<Vec<u8>>]) {
        let used = heads.iter().flatten().filter(|head| cache.is_used(head));
        let names = used.filter_map(|head| cache.name(head));
        let new: BTreeSet<u64> = names.filter(|at| !self.known.contains_key(at)).collect();
        let new: Vec<u64> = new.into_iter().collect();
        let texts = if new.is_empty() { Vec::new() } else { self.reader.texts(&new) };
        self.known.extend(new.into_iter().zip(texts));
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
    /// The ranges that could not be read, and those behind too many blocks.
    pub(super) missed: Vec<Range<u64>>,
}

/// Reads the heads of all blocks of the heaps.
pub(super) fn walk(cache: &Cache, reader: &Reader<'_>, heaps: &[Heap]) -> Walk {
    let mut names = Names::new(reader);
    let mut walk = Walk::default();
    let mut left = MOST_BLOCKS;
    for heap in heaps {
        let (blocks, end) = blocks(cache, reader, heap, left);
        left -= blocks.len();
        heads(cache, &mut names, heap, &blocks, &mut walk);
        walk.missed.extend((end < heap.used.end).then_some(end..heap.reserved.end));
    }
    walk
}

/// The addresses of a heap's blocks by the map of its segments, and the address up to which the map was read. Nothing else of the cache has
/// to be read to find them: its code is a hundred times as large.
fn blocks(cache: &Cache, reader: &Reader<'_>, heap: &Heap, most: usize) -> (Vec<u64>, u64) {
    let (mut blocks, mut at) = (Vec::new(), heap.used.start);
    let Some(map) = cache.map(reader, heap) else { return (blocks, at) };
    let mut next = map.start;
    while next < map.end {
        let len = (map.end - next).min(STRETCH);
        let Some(bytes) = reader.bytes(next, len as usize) else { return (blocks, at) };
        for segment in bytes {
            if segment == Cache::FIRST_SEGMENT {
                if blocks.len() == most {
                    return (blocks, at);
                }
                blocks.push(at);
            }
            at = at.saturating_add(heap.segment());
        }
        next += len;
    }
    (blocks, heap.used.end)
}

/// Adds the blobs of blocks to the walk. A block that cannot be read is missed; free blocks and those without a blob are not.
fn heads(cache: &Cache, names: &mut Names<'_, '_>, heap: &Heap, blocks: &[u64], walk: &mut Walk) {
    let reader = names.reader;
    let mut ends = blocks.iter().skip(1).copied().chain([heap.used.end]);
    for some in blocks.chunks(AT_ONCE) {
        let heads = reader.pieces(some, Cache::HEAD);
        names.learn(cache, &heads);
        for ((&at, end), head) in some.iter().zip(&mut ends).zip(heads) {
            match blob(cache, names, heap, at, head) {
                Some(blob) => walk.blobs.extend(blob.map(|blob| (at, blob))),
                None => walk.missed.push(at..end),
            }
        }
    }
}

/// The blob of a block with this head, if it holds one; `None` if it cannot be read.
fn blob(
    cache: &Cache,
    names: &mut Names<'_, '_>,
    heap: &Heap,
    at: u64,
    head: Option<Vec<u8>>,
) -> Option<Option<Blob>> {
    let len = Cache::HEAD.min((heap.used.end - at) as usize);
    // Behind the last block there may be no memory.
    let mut head = head.or_else(|| names.reader.bytes(at, len))?;
    head.truncate(len);
    let block = cache.head(heap, at, &head).filter(|block| block.used);
    let blob = |block: Block| {
        let blob = cache.blob(at, &head, |at| names.get(at))?;
        (blob.code.end <= block.next).then_some(blob)
    };
    Some(block.and_then(blob))
}

/// The mark of the blob that is in a block now, if there is one; `None` if it cannot be read. `head`: the block's first bytes, if so many
/// could be read. Behind a piece of code that is shorter, there may be no memory.
pub(super) fn mark(
    cache: &Cache,
    names: &mut Names<'_, '_>,
    (block, end): (u64, u64),
    head: Option<Vec<u8>>,
) -> Option<Option<u64>> {
    let len = Cache::HEAD.min(usize::try_from(end.checked_sub(block)?).ok()?);
    let mut head = head.or_else(|| names.reader.bytes(block, len))?;
    head.truncate(len);
    head.resize(Cache::HEAD, 0);
    let used = cache.is_used(&head);
    let blob = used.then(|| cache.blob(block, &head[..len], |at| names.get(at))).flatten();
    Some(blob.map(|blob| blob.mark))
}

/// The blob with an address in its code now; `None`: there is none.
pub(super) fn blob_at(
    cache: &Cache,
    reader: &Reader<'_>,
    names: &mut Names<'_, '_>,
    heaps: &[Heap],
    address: u64,
) -> Option<Blob> {
    let heap = heaps.iter().find(|heap| heap.used.contains(&address))?;
    let block = cache.block(reader, heap, address)?;
    let mut head = [0; Cache::HEAD];
    let len = Cache::HEAD.min(usize::try_from(heap.used.end.checked_sub(block)?).ok()?);
    reader.fill(block, &mut head[..len]).then_some(())?;
    let next = cache.head(heap, block, &head).filter(|block| block.used)?.next;
    let blob = cache.blob(block, &head[..len], |at| names.get(at))?;
    (blob.code.contains(&address) && blob.code.end <= next).then_some(blob)
}

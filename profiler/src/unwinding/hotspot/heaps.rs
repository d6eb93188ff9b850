//! The walk along the blocks of the code cache, and the look at one of them.

use super::memory::Reader;
use std::collections::HashMap;
use std::ops::Range;
use symbolizer::runtime::hotspot::Words;
use symbolizer::runtime::hotspot::cache::{Blob, Cache, Heap};

/// The most blocks that are read.
pub(super) const MOST_BLOCKS: usize = 1 << 18;

/// The bytes of the code cache that are read at once.
const STRETCH: usize = 32 << 10;

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
pub(super) fn walk(cache: &Cache, reader: &Reader<'_>, heaps: &[Heap]) -> Walk {
    let mut names = Names::new(reader);
    let mut walk = Walk::default();
    let mut left = MOST_BLOCKS;
    for heap in heaps {
        let blobs = &mut walk.blobs;
        let missed = along(cache, &mut names, heap, &mut left, |at, blob| blobs.push((at, blob)));
        walk.missed.extend(missed.map(|at| at..heap.reserved.end));
    }
    walk
}

/// Walks along the blocks of a heap. Returns the address at which it ended, if that was before the last block. A block
/// of length zero is the first one that was never used.
fn along(
    cache: &Cache,
    names: &mut Names<'_, '_>,
    heap: &Heap,
    left: &mut usize,
    mut found: impl FnMut(u64, Blob),
) -> Option<u64> {
    let mut at = heap.used.start;
    let mut stretch = Stretch::default();
    while at < heap.used.end {
        let more = *left > 0;
        let head = more.then(|| stretch.head(names.reader, at..heap.used.end)).flatten();
        let Some(head) = head else { return Some(at) };
        *left -= 1;
        let len = Cache::HEAD.min((heap.used.end - at) as usize);
        if cache.is_end(&head) {
            return None;
        }
        let Some(block) = cache.head(heap, at, &head) else { return Some(at) };
        let blob = block.used.then(|| cache.blob(at, &head[..len], |at| names.get(at))).flatten();
        if let Some(blob) = blob.filter(|blob| blob.code.end <= block.next) {
            found(at, blob);
        }
        at = block.next;
    }
    None
}

/// A piece of the cache that is read at once, because it has many blocks.
#[derive(Default)]
struct Stretch {
    start: u64,
    bytes: Vec<u8>,
}

impl Stretch {
    /// The first bytes of a block, zeros behind the end of the heap; `None` if they cannot be read.
    fn head(&mut self, reader: &Reader<'_>, rest: Range<u64>) -> Option<[u8; Cache::HEAD]> {
        let left = usize::try_from(rest.end.checked_sub(rest.start)?).ok()?;
        let len = Cache::HEAD.min(left);
        let at = |start: u64| usize::try_from(rest.start.checked_sub(start)?).ok();
        let known = |of: &Self| at(of.start).is_some_and(|at| at + len <= of.bytes.len());
        if !known(self) {
            let stretch = reader.bytes(rest.start, STRETCH.min(left));
            self.bytes = stretch.or_else(|| reader.bytes(rest.start, len))?;
            self.start = rest.start;
        }
        let mut head = [0; Cache::HEAD];
        head[..len].copy_from_slice(self.bytes.get(at(self.start)?..)?.get(..len)?);
        Some(head)
    }
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

/// The mark of the blob with an address in its code now; `None`: there is none.
pub(super) fn mark_at(
    cache: &Cache,
    reader: &Reader<'_>,
    names: &mut Names<'_, '_>,
    heaps: &[Heap],
    address: u64,
) -> Option<u64> {
    let heap = heaps.iter().find(|heap| heap.used.contains(&address))?;
    let block = cache.block(reader, heap, address)?;
    let mut head = [0; Cache::HEAD];
    let len = Cache::HEAD.min(usize::try_from(heap.used.end.checked_sub(block)?).ok()?);
    reader.fill(block, &mut head[..len]).then_some(())?;
    let next = cache.head(heap, block, &head).filter(|block| block.used)?.next;
    let blob = cache.blob(block, &head[..len], |at| names.get(at))?;
    (blob.code.contains(&address) && blob.code.end <= next).then_some(blob.mark)
}

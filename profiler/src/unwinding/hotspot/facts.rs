//! What the kernel's walker of Java frames needs.

use bpf::{HotSpotBegin, HotSpotBlock, HotSpotHeap, HotSpotLayout, RuntimeFacts};
use symbolizer::runtime::hotspot::Words;
use symbolizer::runtime::hotspot::cache::{Cache, Heap};
use symbolizer::runtime::hotspot::layout::Layout;
use symbolizer::runtime::hotspot::method_check::MethodCheck;

/// In a frame of the interpreter: the place in the bytecode, in bytes from the frame pointer. No version says this by itself; it was one
/// word further up before JDK 9.
const BYTECODE: i64 = -64;
const BYTECODE_OF_8: i64 = -56;

/// The facts that the walk of the interpreter's frames needs.
pub(super) fn frames(layout: &Layout) -> Option<RuntimeFacts> {
    // JDK 8 is the last one with one heap of code, and no list of heaps.
    let is_8 = layout.field("CodeCache::_heap").is_some();
    let check = MethodCheck::of(layout)?;
    RuntimeFacts::hotspot(&HotSpotLayout {
        bytecode: if is_8 { BYTECODE_OF_8 } else { BYTECODE },
        constant: check.constant.at,
        pool: check.pool.at,
        holder: check.holder.at,
        name: check.name.at,
        hash: check.hash,
    })
}

/// These facts, and those that the walk needs of frames in code of these heaps that no reading has seen yet.
pub(super) fn with_code(
    frames: RuntimeFacts,
    cache: &Cache,
    words: &dyn Words,
    heaps: &[Heap],
) -> RuntimeFacts {
    let places = cache.places().filter(|places| places.number.1 == 4);
    let (Some(places), Some(first)) = (places, heaps.first()) else {
        return frames;
    };
    let begin = match places.begin {
        (at, _) if places.is_address => HotSpotBegin::Address(at),
        (at, size) => HotSpotBegin::Offset(at, size),
    };
    let block = HotSpotBlock {
        used: places.used,
        complete: places.complete,
        words: places.words,
        begin,
        description: places.description,
        number: places.number.0,
        segment: first.log(),
    };
    // All heaps have segments of one size.
    let same = heaps.iter().filter(|heap| heap.log() == first.log());
    let heap = |heap: &Heap| {
        let map = cache.map(words, heap)?.start;
        Some(HotSpotHeap { code: heap.used.start..heap.reserved.end, map })
    };
    let heaps: Vec<HotSpotHeap> = same.filter_map(heap).collect();
    frames.with_code(&heaps, &block)
}

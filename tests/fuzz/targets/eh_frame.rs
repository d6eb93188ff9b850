//! Unwind sections, read for function ranges and for what a leaf's frame is found by.
#![no_main]

use bpf::unwind::FrameSections;
use symbolizer::serve::ranges::{Loaded, Ranges};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte says where the header's section ends and the other one begins.
    let Some((&split, bytes)) = bytes.split_first() else { return };
    let (header, frame) = bytes.split_at(usize::from(split).min(bytes.len()));
    let (header_at, frame_at) = (0x2000, 0x2000 + header.len() as u64);
    let sections = FrameSections::new((frame, frame_at), (header, header_at), 0x1000);
    let loaded = |address, bytes| Loaded { address, bytes };
    let mut ranges =
        Ranges::new(loaded(frame_at, frame), Some(loaded(header_at, header)), 0x1000, true);
    for address in [0, 0x1000, 0x1149, 0x2000, u64::MAX] {
        let _ = sections.cfa_base(address);
        let _ = ranges.find(address);
    }
});

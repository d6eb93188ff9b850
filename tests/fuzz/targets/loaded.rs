//! The headers of a mapped file, as the process table reads them: loaded segments, build ID, file offset to address.
#![no_main]

use symbolizer::fuzzing::loaded;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    let mut offsets = vec![0, 1, 0xfff, 0x1000, u64::MAX - 0xfff, u64::MAX];
    offsets.extend((0..size).step_by(512));
    if let Some((segments, addresses)) = loaded(bytes, &offsets) {
        assert!((1..=64).contains(&segments) && addresses.len() == offsets.len());
    }
});

//! A mapped file as `doctor` looks at it: prologues, symbols, build ID.
#![no_main]

use fuzz::file;
use profiler::doctor::binary::Binary;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(binary) = Binary::read(&file(bytes)) {
        assert!(binary.frame_pointers.with <= binary.frame_pointers.of);
        assert!(binary.frame_pointers.percent().is_none_or(|percent| percent <= 100));
    }
});

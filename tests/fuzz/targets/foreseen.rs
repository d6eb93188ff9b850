//! The files that a program names before it starts: as an ELF file, and as a script.
#![no_main]

use fuzz::file;
use profiler::fuzzing::{foreseen, interpreted};
use std::os::fd::AsRawFd;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Each of them is looked for.
    assert!(foreseen(bytes).is_none_or(|names| names <= 1024));
    if bytes.starts_with(b"#!") {
        let script = file(bytes);
        let path = format!("/proc/self/fd/{}", script.as_raw_fd());
        assert!(interpreted(path.into()).len() <= 1);
    }
});

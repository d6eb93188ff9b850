//! The memory of a Java virtual machine: its description of itself, its heaps, its interpreter, its code. And the library that says
//! where these are.
#![no_main]

use profiler::fuzzing::hotspot::{Snapshot, is_described};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"\x7fELF") {
        let _ = is_described(bytes);
    } else {
        let _ = Snapshot::from_bytes(bytes).read();
    }
});

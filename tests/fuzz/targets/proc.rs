//! What `/proc` says of a process: its mappings, its stat line, its status. A process chooses names and paths.
#![no_main]

use symbolizer::fuzzing::{maps, start_ticks, status};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let lines = text.split(|byte| *byte == b'\n').count();
    let ranges = maps(text);
    assert!(ranges.len() <= lines && ranges.iter().all(|(start, end)| start < end));
    let _ = (start_ticks(text), status(text));
});

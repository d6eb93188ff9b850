//! A file as it is loaded to its table of rules, by the recording's own builder: its sections, its disassembly, its frame pointers.
#![no_main]

use elf::{Bytes, Image};
use fuzz::file;
use profiler::fuzzing::table;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(image) = Image::parse(Bytes::Memory(bytes)) else { return };
    // The process table takes no more segments either.
    let segments = image.segments().unwrap_or_default();
    let code: Vec<_> = segments
        .iter()
        .filter(|segment| segment.is_code())
        .take(64)
        .map(|segment| segment.address..segment.address.saturating_add(segment.memory_size))
        .collect();
    let file = file(bytes);
    for disassembly in [false, true] {
        let Some(table) = table(&file, &code, disassembly) else { continue };
        let mut last = 0;
        for (range, rule) in table.ranges() {
            assert!(last <= range.start && range.start < range.end);
            assert_eq!(table.look_up(range.start), rule.rule());
            last = range.end;
        }
    }
});

//! Unwind sections to rows.
#![no_main]

use bpf::unwind::eh_frame::Frames;
use bpf::unwind::table::{Code, Table};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte says which section it is, and how much of the addresses is code.
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let pages = u64::from(kind >> 1) + 1;
    let Ok(code) = Code::new([0x1000..0x1000 + (pages << 12), 0x40_0000..0x80_0000]) else {
        return;
    };
    let frames = match kind & 1 {
        0 => Frames { text: 0x1000, got: 0x9000, ..Frames::eh(bytes, 0x8000) },
        _ => Frames::debug(bytes),
    };
    let read = frames.rules(&code);
    let table = Table::build(&code, &[&read.source]);
    // No more rows than bytes, but for the ends of functions and the begins of pages.
    assert!(table.rows().len() <= bytes.len() * 2 + table.directory().len());
    let mut last = 0;
    for (range, rule) in table.ranges() {
        assert!(last <= range.start && range.start < range.end);
        assert_eq!(table.look_up(range.start), rule.rule());
        assert_eq!(table.look_up(range.end - 1), rule.rule());
        last = range.end;
    }
});

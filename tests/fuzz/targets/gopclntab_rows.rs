//! Go's own table of functions to rows.
#![no_main]

use bpf::unwind::go;
use bpf::unwind::table::{Code, Table};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = go::stated_text(bytes);
    let start = text.min(u64::MAX - 0x100_0000);
    let Ok(code) = Code::new([start..start + 0x10_0000, start + 0x20_0000..start + 0x80_0000])
    else {
        return;
    };
    let Some(read) = go::rules(bytes, text, &code) else { return };
    let table = Table::build(&code, &[&read.source]);
    for (range, rule) in table.ranges() {
        assert_eq!(table.look_up(range.start), rule.rule());
        assert_eq!(table.look_up(range.end - 1), rule.rule());
    }
});

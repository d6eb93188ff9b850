//! Code that Java made at run time, under any description, to rules.
#![no_main]

use bpf::unwind::hotspot::{Blob, Codelet, What, rules, source};
use bpf::unwind::table::{Code, Table};

/// Where the code lies.
const BASE: u64 = 0x7f00_0000_0000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The kind, then three numbers of the description, then the code.
    let Some((head, code)) = bytes.split_first_chunk::<13>() else { return };
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (complete, words, entry) = (number(1), number(5), number(9));
    let len = code.len() as u32;
    let middle = entry.min(len);
    let pieces = [
        Codelet { begin: 0, end: middle, entry: head[0] & 8 != 0 },
        Codelet { begin: middle, end: len, entry: head[0] & 16 != 0 },
    ];
    let mut pointers: Vec<u64> = (0..16).map(|at| BASE + u64::from(entry) + at * 64).collect();
    pointers.sort_unstable();
    let what = match head[0] & 7 {
        0 | 1 => What::Compiled { complete, words, second_entry: (entry != 0).then_some(entry) },
        2 => What::Stub { words: (words != 0).then_some(words) },
        3 => What::Interpreter { pieces: &pieces },
        4 => What::Adapter,
        5 => What::Routines { pointers: &pointers },
        6 => What::Frameless,
        _ => What::Opaque,
    };
    let rows = rules(&Blob { what, address: BASE, code });
    let end = BASE + u64::from(len.max(1));
    let Ok(all) = Code::new(Some(BASE..end)) else { return };
    let table = Table::build(&all, &[&source(&all, Some((BASE..end, &rows)))]);
    for (range, rule) in table.ranges() {
        assert!(BASE <= range.start && range.start < range.end && range.end <= end);
        assert_eq!(table.look_up(range.start), rule.rule());
    }
    for offset in [0, 1, len / 2, len, u32::MAX] {
        let _ = rows.at(offset);
    }
});

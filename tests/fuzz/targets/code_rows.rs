//! Code that no unwind entry covers, and words on a stack.
#![no_main]

use bpf::unwind::synth::{
    Input, Segment, Uncovered, function_symbols, is_call_before, packed_pointers,
    relative_pointers, synthesise,
};
use bpf::unwind::table::Code;

/// Where the code lies.
const BASE: u64 = 0x1000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte says how much of the code is covered, the second one how much of the rest is data behind it.
    let [covered, data, rest @ ..] = bytes else { return };
    let covered = u64::from(*covered) * 4;
    let (code, data) = rest.split_at(rest.len() - rest.len() * usize::from(*data) / 512);
    let end = BASE + code.len() as u64;
    let Ok(ranges) = Code::new(Some(BASE..end)) else { return };
    let memory =
        vec![Segment { address: BASE, bytes: code }, Segment { address: end, bytes: data }];
    let mut pointers = relative_pointers(data);
    pointers.extend(packed_pointers(data, &memory));
    let functions = function_symbols(data);
    let covered_twice = [BASE..BASE + covered / 2, BASE + covered / 2..BASE + covered];
    let uncovered = Uncovered::read(&ranges, &memory, &covered_twice);
    let made = synthesise(&Input {
        code: &ranges,
        memory: &memory,
        fixed: covered & 1 == 1,
        uncovered: &uncovered,
        plt: &[BASE + covered..BASE + covered + 32],
        functions: &functions,
        pointers: &pointers,
    });
    let mut last = BASE + covered.min(end - BASE);
    for (range, _) in &made.rules {
        assert!(last <= range.start && range.start < range.end && range.end <= end, "{range:x?}");
        last = range.end;
    }
    assert!(made.counts.ruled <= made.counts.uncovered);
    for word in rest.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok()) {
        let _ = is_call_before(u64::from_le_bytes(word));
    }
});

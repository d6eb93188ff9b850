//! Code that no unwind entry covers, and words on a stack.
#![no_main]

use bpf::unwind::synth::{
    Input, Segment, function_symbols, is_call_before, packed_pointers, relative_pointers, synthesise,
};

/// Where the code lies.
const BASE: u64 = 0x1000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte says how much of the code is covered, the second one how much of the rest is data behind it.
    let [covered, data, rest @ ..] = bytes else { return };
    let covered = u64::from(*covered) * 4;
    let (code, data) = rest.split_at(rest.len() - rest.len() * usize::from(*data) / 512);
    let code = [Segment { address: BASE, bytes: code }];
    let data = [Segment { address: BASE + code[0].bytes.len() as u64, bytes: data }];
    let end = data[0].address;
    let mut pointers = relative_pointers(data[0].bytes);
    pointers.extend(packed_pointers(data[0].bytes, &code));
    let functions = function_symbols(data[0].bytes);
    let made = synthesise(&Input {
        code: &code,
        data: &data,
        covered: &[BASE..BASE + covered / 2, BASE + covered / 2..BASE + covered],
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

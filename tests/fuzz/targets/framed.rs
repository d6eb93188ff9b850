//! Compiled code without rules: whether its functions set up frame pointers, and where.
#![no_main]

use bpf::unwind::framed::{has_frame, mostly_framed};

libfuzzer_sys::fuzz_target!(|code: &[u8]| {
    let _ = mostly_framed(code.chunks(4096).map(<[u8]>::to_vec));
    // A leaf is judged by a window of code before it.
    for at in (0..=code.len()).step_by(61) {
        let _ = has_frame(&code[at.saturating_sub(4096)..], at.min(4096));
    }
    assert!(!has_frame(code, code.len() + 1));
});

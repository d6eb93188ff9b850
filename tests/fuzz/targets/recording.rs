//! A stored recording's text: what is read is written again, and read as the same.
#![no_main]

use bpf::replay::Replay;
use bpf::{SampleSource, Window};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let Ok(mut replay) = Replay::read(text) else { return };
    let mut window = Window::default();
    while !replay.finished() {
        replay.drain(&mut window).expect("a replay has all it needs");
    }
});

//! A pprof file of any producer: what can be read can be written in every form.
#![no_main]

use output::pprof::{Limits, read};
use output::{Settings, formats};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(profile) = read(bytes, Limits { bytes: 1 << 20, memory: 64 << 20 }) else { return };
    for format in formats::ALL {
        let encoder = (format.encoder)(&Settings::default());
        // An error is an answer; a panic is not.
        drop(encoder.encode(&profile, &mut std::io::sink()));
    }
});

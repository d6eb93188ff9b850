//! A pprof file of any producer: what can be read can be written in every form.
#![no_main]

use output::pprof::{Limits, read};
use output::{Encode, Folded, Pprof, Svg};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(profile) = read(bytes, Limits { bytes: 1 << 20, memory: 64 << 20 }) else { return };
    let encoders: [&dyn Encode; 3] = [&Folded::default(), &Pprof::default(), &Svg::default()];
    for encoder in encoders {
        // An error is an answer; a panic is not.
        drop(encoder.encode(&profile, &mut std::io::sink()));
    }
});

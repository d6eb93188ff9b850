//! A pprof file of any producer, made ready for each backend.
#![no_main]

use output::pprof::{Limits, read};
use send::{Backend, Series, prepare, stale, wire_body};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(profile) = read(bytes, Limits { bytes: 1 << 20, memory: 64 << 20 }) else { return };
    // A label of the file's own is allowed, so that samples keep it.
    let labels = profile.samples.iter().flat_map(|sample| &sample.labels);
    let series = Series {
        service_name: "service".into(),
        labels: vec![("region".into(), "eu".into())],
        allowed: labels.take(2).map(|label| label.key.clone()).collect(),
    };
    for backend in Backend::ALL {
        let _ = stale(backend, &profile, 1_700_000_000_000_000_000);
        let Ok(parts) = prepare(backend, &profile, &series) else { continue };
        for part in &parts {
            let _ = (part.sums(), part.body_len(), wire_body(backend, part));
            let again = part.profile();
            assert!(again.samples.len() <= profile.samples.len());
        }
        assert!(parts.iter().map(send::Part::samples).sum::<usize>() <= profile.samples.len());
    }
});

//! CPython's code objects in memory that lies: any version's, with any words, texts and tables of lines.
#![no_main]

use symbolizer::fuzzing::python_functions;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let named = python_functions(bytes);
    assert!(named.iter().all(|name| name.chars().count() <= 1024));
});

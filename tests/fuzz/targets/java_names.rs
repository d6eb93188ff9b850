//! The memory of a Java virtual machine to names: of a recorded version, with words changed anywhere in it.
#![no_main]

use symbolizer::fuzzing::java;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for functions in java(bytes).into_iter().flatten() {
        assert!(!functions.is_empty() && functions.len() <= 256);
        for function in functions {
            assert!(
                !function.name.is_empty() && function.name.len() + function.file.len() < 64 << 10
            );
        }
    }
});

//! A JIT compiler's map or dump.
#![no_main]

use symbolizer::serve::{jitdump, perfmap};

libfuzzer_sys::fuzz_target!(|map: &[u8]| {
    let addresses = [0, 1, 0x1000, 0x7f00_0000_0000, u64::MAX];
    assert_eq!(perfmap::names_in(map, &addresses).len(), addresses.len());
    assert_eq!(jitdump::names_in(map, &addresses).len(), addresses.len());
});

//! The kernel's list of symbols; a container may show another file in its place.
#![no_main]

use std::io::Read;
use symbolizer::name::kallsyms::symbols;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let addresses = [0, 1, 0xffff_ffff_8100_0000, 0xffff_ffff_c000_0000, u64::MAX];
    let mut rest = text;
    let found = symbols(|buffer| rest.read(buffer), &addresses).expect("memory can be read");
    assert_eq!(found.symbols.len(), addresses.len());
});

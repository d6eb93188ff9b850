//! A foreign file as it is mapped: symbols, DWARF, ranges, compressed sections, Go's table. Many of its addresses are asked for.
#![no_main]

use elf::{Bytes, Image};
use fuzz::file;
use std::time::Duration;
use symbolizer::serve::Server;
use symbolizer::{LocalSymbolizer, MappedFile, NameOptions};

/// The number of addresses of code that are asked for.
const ADDRESSES: u64 = 4096;

/// A panic inside blazesym is caught where it is called, and counted as a malformed file; any other one is ours.
fn abort_on_our_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.location().is_none_or(|at| !at.file().contains("/blazesym-")) {
            print(panic);
        }
    }));
}

/// Addresses all over the file's code, and some that are nowhere.
fn addresses(bytes: &[u8]) -> Vec<u64> {
    let mut addresses = vec![0, 1, 0x40, 0x1139, 0x1149, 0x40_1136, u64::MAX];
    let sections = Image::parse(Bytes::Memory(bytes)).map_or(Vec::new(), |image| image.sections);
    let code: Vec<_> = sections.iter().filter(|section| section.is_code()).take(16).collect();
    for section in &code {
        let each = ADDRESSES / code.len() as u64;
        let step = (section.end() - section.address) / each + 1;
        addresses.extend((0..each).map_while(|at| section.address.checked_add(at * step)));
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

libfuzzer_sys::fuzz_target!(init: abort_on_our_panics(), |bytes: &[u8]| {
    let file = MappedFile {
        path: b"/foreign".to_vec(),
        handle: Some(file(bytes).into()),
        reason: None,
        build_id: None,
        segments: Vec::new(),
        root: None,
    };
    let addresses = addresses(bytes);
    let options = NameOptions { time: Duration::from_secs(5), ..NameOptions::default() };
    let names = LocalSymbolizer::new(options, Server::default()).file(&file, &addresses);
    assert_eq!(names.len(), addresses.len());
});

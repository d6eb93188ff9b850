//! A foreign file as it is mapped: symbols, DWARF, ranges, compressed sections, Go's table.
#![no_main]

use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;
use symbolizer::serve::Server;
use symbolizer::{LocalSymbolizer, MappedFile, NameOptions};

/// A panic inside blazesym is caught where it is called, and counted as a malformed file; any other one is ours.
fn abort_on_our_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.location().is_none_or(|at| !at.file().contains("/blazesym-")) {
            print(panic);
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: abort_on_our_panics(), |bytes: &[u8]| {
    let mut handle = File::from(memfd_create("foreign", MemfdFlags::CLOEXEC).expect("there is memory"));
    handle.write_all(bytes).expect("there is memory");
    let file = MappedFile {
        path: b"/foreign".to_vec(),
        handle: Some(handle.into()),
        reason: None,
        build_id: None,
        segments: Vec::new(),
        root: None,
    };
    let addresses = [0, 1, 0x40, 0x1139, 0x1149, 0x117b, 0x1190, 0x40_1136, 0x48_0000, u64::MAX];
    let names = LocalSymbolizer::new(NameOptions::default(), Server::default()).file(&file, &addresses);
    assert_eq!(names.len(), addresses.len());
});

//! All that is read of an ELF file: header, sections, segments, notes, symbols, relocations.
#![no_main]

use elf::{Bytes, Header, Image, relocations};

/// Larger sections are not read.
const MOST: u64 = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = Bytes::Memory(bytes);
    let Ok(header) = Header::read(bytes) else { return };
    let segments = header.segments(bytes).unwrap_or_default();
    let id = header.build_id(bytes, &segments);
    assert!(id.is_none_or(|id| (1..=64).contains(&id.len())));
    let Ok(image) = Image::parse(bytes) else { return };
    let _ = image.build_id();
    for section in &image.sections {
        let data = image.data(section, MOST);
        assert!(data.as_ref().is_none_or(|data| data.len() as u64 == section.size));
        let _ = image.memory(section.address, MOST);
        for symbol in image.symbols(section, MOST).take(64) {
            let _ = image.symbol_name(section, &symbol);
        }
        let _ = relocations(&data.unwrap_or_default()).count();
    }
});

//! An ELF file to its table of rules: sections, then rules from each of them, then one table.
#![no_main]

use bpf::unwind::eh_frame::Frames;
use bpf::unwind::synth::Segment;
use bpf::unwind::table::{Code, Source, Table};
use bpf::unwind::{epilogue, go};
use elf::{Bytes, Image};

/// Larger sections are not read.
const MOST: u64 = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(image) = Image::parse(Bytes::Memory(bytes)) else { return };
    let sections = image.sections.iter().filter(|section| section.is_code());
    let Ok(code) = Code::new(sections.map(|section| section.address..section.end())) else {
        return;
    };
    let section = |name: &str| {
        let section = image.section(name)?;
        Some((image.data(section, MOST)?, section.address))
    };
    let text = image.section(".text").map_or(0, |text| text.address);
    let mut sources: Vec<Source> = Vec::new();
    if let Some((bytes, address)) = section(".eh_frame") {
        let own = Frames { text, ..Frames::eh(&bytes, address) }.rules(&code).source;
        let sections = image.sections.iter().filter(|section| section.is_code());
        let parts: Vec<(u64, Vec<u8>)> = sections
            .filter_map(|section| Some((section.address, image.data(section, MOST)?)))
            .collect();
        let parts = parts.iter().map(|(address, bytes)| Segment { address: *address, bytes });
        let memory: Vec<Segment<'_>> = parts.collect();
        sources.extend([epilogue::mended(&own, &memory), own]);
    }
    if let Some((bytes, _)) = section(".debug_frame") {
        sources.push(Frames::debug(&bytes).rules(&code).source);
    }
    if let Some((bytes, _)) = section(".gopclntab") {
        let text = if go::stated_text(&bytes) == 0 { text } else { go::stated_text(&bytes) };
        sources.extend(go::rules(&bytes, text, &code).map(|go| go.source));
    }
    let table = Table::build(&code, &sources.iter().collect::<Vec<_>>());
    let mut last = 0;
    for (range, rule) in table.ranges() {
        assert!(last <= range.start && range.start < range.end);
        assert_eq!(table.look_up(range.start), rule.rule());
        last = range.end;
    }
});

//! The rules that can be synthesised for files, and the time that this takes: `synthesise FILE… [--rows]`.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use elf::{Bytes, Image, SHT_NOBITS};
use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, LittleEndian, UnwindSection};
use std::ops::Range;
use std::time::Instant;
use unwind::synth::{
    Input, Segment, Uncovered, fixed_pointers, function_symbols, packed_pointers,
    relative_pointers, synthesise,
};
use unwind::table::Code;

/// A file's bytes from an offset of its own.
fn part(file: &[u8], start: u64, len: u64) -> &[u8] {
    let start = start as usize;
    file.get(start..start.saturating_add(len as usize)).unwrap_or(&[])
}

fn covered(frame: &[u8], address: u64, text: u64) -> Vec<Range<u64>> {
    let mut section = EhFrame::new(frame, LittleEndian);
    section.set_address_size(8);
    let bases = BaseAddresses::default().set_eh_frame(address).set_text(text);
    let mut covered = Vec::new();
    let mut entries = section.entries(&bases);
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry {
            let parse = |_: &EhFrame<EndianSlice<'_, LittleEndian>>,
                         bases: &BaseAddresses,
                         offset| { section.cie_from_offset(bases, offset) };
            if let Ok(fde) = partial.parse(parse) {
                covered.push(fde.initial_address()..fde.initial_address() + fde.len());
            }
        }
    }
    covered
}

fn show(path: &str, rows: bool) -> Option<()> {
    let file = std::fs::read(path).ok()?;
    let image = Image::parse(Bytes::Memory(&file)).ok()?;
    let segments = image.segments().ok()?;
    let segment = |s: &elf::Segment| Segment {
        address: s.address,
        bytes: part(&file, s.offset, s.file_size),
    };
    let memory: Vec<Segment<'_>> = segments.iter().filter(|s| s.is_loaded()).map(segment).collect();
    let range =
        |segment: Segment<'_>| segment.address..segment.address + segment.bytes.len() as u64;
    let code = segments.iter().filter(|s| s.is_code()).map(segment).map(range);
    let code = Code::new(code).ok()?;
    let bytes = |name: &str| {
        let section = image.section(name).filter(|section| section.kind != SHT_NOBITS);
        section.map_or(&[][..], |section| part(&file, section.offset, section.size))
    };
    let frame = image.section(".eh_frame")?.address;
    let covered = covered(bytes(".eh_frame"), frame, image.section(".text")?.address);
    let plt = image.sections.iter().filter(|section| section.name.starts_with(".plt"));
    let plt: Vec<Range<u64>> = plt.map(|section| section.address..section.end()).collect();
    let mut functions = function_symbols(bytes(".dynsym"));
    functions.extend(function_symbols(bytes(".symtab")));
    let mut pointers = relative_pointers(bytes(".rela.dyn"));
    pointers.extend(packed_pointers(bytes(".relr.dyn"), &memory));
    let uncovered = Uncovered::read(&code, &memory, &covered);
    let fixed = image.kind() == 2;
    for segment in memory.iter().filter(|_| fixed) {
        pointers.extend(fixed_pointers(segment.bytes, &uncovered));
    }
    let input = Input {
        code: &code,
        memory: &memory,
        fixed,
        uncovered: &uncovered,
        plt: &plt,
        functions: &functions,
        pointers: &pointers,
    };
    let begin = Instant::now();
    let made = synthesise(&input);
    let took = begin.elapsed();
    println!("{path}: {} rules, {took:.1?}, {:?}", made.rules.len(), made.counts);
    for (range, rule) in made.rules.iter().filter(|_| rows) {
        println!("{:x} {:x} {:?} {:?}", range.start, range.end, rule.cfa, rule.fp);
    }
    Some(())
}

fn main() {
    let (options, files): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    for path in files {
        if show(&path, options.contains(&String::from("--rows"))).is_none() {
            println!("{path}: no ELF file with rules");
        }
    }
}

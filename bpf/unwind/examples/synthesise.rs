//! The rules that can be synthesised for files, and the time that this takes: `synthesise FILE… [--rows]`.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, LittleEndian, UnwindSection};
use std::ops::Range;
use std::time::Instant;
use unwind::synth::{
    Input, Segment, Uncovered, fixed_pointers, function_symbols, packed_pointers,
    relative_pointers, synthesise,
};
use unwind::table::Code;

/// Sections and segments of an ELF file of this machine's own kind.
struct Elf<'a> {
    bytes: &'a [u8],
}

struct Section<'a> {
    name: &'a [u8],
    address: u64,
    bytes: &'a [u8],
}

impl<'a> Elf<'a> {
    fn number(&self, at: usize, size: usize) -> Option<u64> {
        let mut word = [0; 8];
        word[..size].copy_from_slice(self.bytes.get(at..at + size)?);
        Some(u64::from_le_bytes(word))
    }

    fn part(&self, start: u64, len: u64) -> &'a [u8] {
        let start = start as usize;
        self.bytes.get(start..start.saturating_add(len as usize)).unwrap_or(&[])
    }

    /// Executable segments, and all.
    fn segments(&self) -> Option<(Vec<Segment<'a>>, Vec<Segment<'a>>)> {
        let (table, count) = (self.number(32, 8)? as usize, self.number(56, 2)? as usize);
        let (mut code, mut all) = (Vec::new(), Vec::new());
        for at in (0..count).map(|index| table + 56 * index) {
            let (kind, flags) = (self.number(at, 4)?, self.number(at + 4, 4)?);
            let bytes = self.part(self.number(at + 8, 8)?, self.number(at + 32, 8)?);
            let segment = Segment { address: self.number(at + 16, 8)?, bytes };
            if kind == 1 {
                all.push(segment);
                code.extend(Some(segment).filter(|_| flags & 1 == 1));
            }
        }
        Some((code, all))
    }

    fn sections(&self) -> Option<Vec<Section<'a>>> {
        let (table, count) = (self.number(40, 8)? as usize, self.number(60, 2)? as usize);
        let names = table + 64 * self.number(62, 2)? as usize;
        let names = self.part(self.number(names + 24, 8)?, self.number(names + 32, 8)?);
        let section = |index: usize| {
            let at = table + 64 * index;
            let name = names.get(self.number(at, 4)? as usize..)?;
            let size = if self.number(at + 4, 4)? == 8 { 0 } else { self.number(at + 32, 8)? };
            Some(Section {
                name: name.split(|&byte| byte == 0).next()?,
                address: self.number(at + 16, 8)?,
                bytes: self.part(self.number(at + 24, 8)?, size),
            })
        };
        (0..count).map(section).collect()
    }
}

fn covered(frame: &Section<'_>, text: u64) -> Vec<Range<u64>> {
    let mut section = EhFrame::new(frame.bytes, LittleEndian);
    section.set_address_size(8);
    let bases = BaseAddresses::default().set_eh_frame(frame.address).set_text(text);
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
    let elf = Elf { bytes: &file };
    let (code, memory) = elf.segments()?;
    let range =
        |segment: &Segment<'_>| segment.address..segment.address + segment.bytes.len() as u64;
    let code = Code::new(code.iter().map(range)).ok()?;
    let sections = elf.sections()?;
    let named = |name: &str| sections.iter().find(|section| section.name == name.as_bytes());
    let bytes = |name: &str| named(name).map_or(&[][..], |section| section.bytes);
    let covered = covered(named(".eh_frame")?, named(".text")?.address);
    let plt = sections.iter().filter(|section| section.name.starts_with(b".plt"));
    let plt: Vec<Range<u64>> =
        plt.map(|section| section.address..section.address + section.bytes.len() as u64).collect();
    let mut functions = function_symbols(bytes(".dynsym"));
    functions.extend(function_symbols(bytes(".symtab")));
    let mut pointers = relative_pointers(bytes(".rela.dyn"));
    pointers.extend(packed_pointers(bytes(".relr.dyn"), &memory));
    let uncovered = Uncovered::read(&code, &memory, &covered);
    let fixed = elf.number(16, 2)? == 2;
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

//! A file that a stopped process has mapped, and the table of its rules.

use crate::Skip;
use bpf::unwind::eh_frame::Frames;
use bpf::unwind::epilogue;
use bpf::unwind::synth::{
    Input, Segment, Uncovered, fixed_pointers, function_symbols, packed_pointers,
    relative_pointers, synthesise,
};
use bpf::unwind::table::{Code, Table};
use elf::{Bytes, Image};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Files that can be loaded anywhere begin below.
const LOWEST_FIXED: u64 = 0x1_0000;

/// The rules of a mapped file, by virtual addresses of the file.
pub(crate) struct Loaded {
    /// From a virtual address of the file to one of the process.
    pub(crate) bias: u64,
    /// The rules of its tables, and those that are synthesised.
    pub(crate) table: Table,
    /// Executable.
    pub(crate) code: Vec<Range<u64>>,
    /// Executable, and not covered by its tables.
    pub(crate) gaps: Vec<Range<u64>>,
    /// The first addresses of synthesised rules.
    pub(crate) rows: Vec<u64>,
}

impl Loaded {
    /// Finds a file in a process's mappings, by its path or by the begin of its name.
    ///
    /// # Panics
    /// When it is no ELF file.
    pub(crate) fn find(pid: u32, name: &Path) -> Result<Self, Skip> {
        let (start, offset, path) = mapping(pid, name)?;
        let bytes = fs::read(path).expect("the file is readable");
        let image = Image::parse(Bytes::Memory(&bytes)).expect("an ELF file");
        let segments = image.segments().expect("program headers");
        let bias = bias(start, offset, &segments);
        let text = loaded(&bytes, segments.iter().filter(|segment| segment.is_code()));
        let memory = loaded(&bytes, segments.iter().filter(|segment| segment.is_loaded()));
        let range =
            |segment: &Segment<'_>| segment.address..segment.address + segment.bytes.len() as u64;
        let code = Code::new(text.iter().map(range)).expect("it has code");
        let section = |name: &str| {
            let section = image.section(name)?;
            Some((image.data(section, u64::MAX)?, section.address))
        };
        let (frame, address) = section(".eh_frame").unwrap_or_default();
        let text_at = image.section(".text").map_or(0, |text| text.address);
        let frames = Frames { text: text_at, ..Frames::eh(&frame, address) }.rules(&code);
        let ends = epilogue::mended(&frames.source, &memory);
        let covered: Vec<Range<u64>> = frames.source.covered().collect();
        let hints = |name: &str| section(name).unwrap_or_default().0;
        let mut symbols = function_symbols(&hints(".dynsym"));
        symbols.extend(function_symbols(&hints(".symtab")));
        let mut pointers = relative_pointers(&hints(".rela.dyn"));
        pointers.extend(packed_pointers(&hints(".relr.dyn"), &memory));
        let fixed = memory.iter().all(|segment| segment.address >= LOWEST_FIXED);
        let uncovered = Uncovered::read(&code, &memory, &covered);
        for segment in memory.iter().filter(|_| fixed) {
            pointers.extend(fixed_pointers(segment.bytes, &uncovered));
        }
        let plt = image.sections.iter().filter(|section| section.name.starts_with(".plt"));
        let plt: Vec<Range<u64>> = plt.map(|section| section.address..section.end()).collect();
        let made = synthesise(&Input {
            code: &code,
            memory: &memory,
            fixed,
            uncovered: &uncovered,
            plt: &plt,
            functions: &symbols,
            pointers: &pointers,
        });
        Ok(Self {
            bias,
            table: Table::build(&code, &[&ends, &frames.source, &made.source(&code)]),
            code: code.ranges().to_vec(),
            gaps: gaps(&code, covered),
            rows: made.rules.iter().map(|(range, _)| range.start).collect(),
        })
    }
}

/// What is executable and not covered; padding between functions is left out.
fn gaps(code: &Code, mut covered: Vec<Range<u64>>) -> Vec<Range<u64>> {
    covered.sort_by_key(|range| range.start);
    let mut gaps = Vec::new();
    for range in code.ranges() {
        let mut at = range.start;
        for next in covered.iter().filter(|next| next.start < range.end && next.end > range.start) {
            if next.start > at {
                gaps.push(at..next.start);
            }
            at = at.max(next.end);
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
    }
    gaps.retain(|gap| gap.end - gap.start >= 16);
    gaps
}

/// Where a file is mapped: the first address, the offset in it, and its path.
fn mapping(pid: u32, name: &Path) -> Result<(u64, u64, PathBuf), Skip> {
    let name = fs::canonicalize(name).unwrap_or_else(|_| name.to_owned());
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process lives");
    let found = maps.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let start = hex(words.next()?.split_once('-')?.0);
        let offset = hex(words.nth(1)?);
        let path = PathBuf::from(words.nth(2)?);
        let begins = || path.file_name()?.to_str()?.starts_with(name.to_str()?).then_some(());
        (path == name || begins().is_some()).then_some((start, offset, path))
    });
    found.ok_or_else(|| Skip(format!("{} is not used here", name.display())))
}

/// How far a file lies from where it says.
fn bias(start: u64, offset: u64, segments: &[elf::Segment]) -> u64 {
    let first = segments
        .iter()
        .find(|segment| segment.is_loaded() && segment.offset / 4096 == offset / 4096)
        .expect("a segment at the mapping's offset");
    start.wrapping_sub(first.address - first.offset % 4096)
}

pub(super) fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{digits} is no number"))
}

/// The bytes of segments, by virtual address.
fn loaded<'a>(
    bytes: &'a [u8],
    segments: impl Iterator<Item = &'a elf::Segment>,
) -> Vec<Segment<'a>> {
    let bytes = |segment: &elf::Segment| {
        let start = segment.offset as usize;
        &bytes[start..start + segment.file_size as usize]
    };
    segments.map(|segment| Segment { address: segment.address, bytes: bytes(segment) }).collect()
}

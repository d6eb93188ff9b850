//! A file that a stopped process has mapped, and the table of its rules.

use crate::Skip;
use bpf::unwind::eh_frame::Frames;
use bpf::unwind::synth::{
    Input, Segment, Uncovered, fixed_pointers, function_symbols, packed_pointers,
    relative_pointers, synthesise,
};
use bpf::unwind::table::{Code, Table};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

const PT_LOAD: u64 = 1;
const EXECUTABLE: u64 = 1;
const NO_BYTES: u64 = 8;
/// Files that can be loaded anywhere begin below.
const LOWEST_FIXED: u64 = 0x1_0000;

/// A part of a file: a segment or a section.
struct Part {
    kind: u64,
    flags: u64,
    name: usize,
    address: u64,
    offset: usize,
    size: usize,
}

/// The rules of a mapped file, by virtual addresses of the file.
pub(crate) struct Loaded {
    /// From a virtual address of the file to one of the process.
    pub(crate) bias: u64,
    /// The rules of its tables, and those that are synthesised.
    pub(crate) table: Table,
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
        let sections = sections(&bytes);
        let segments: Vec<Part> = segments(&bytes);
        let bias = bias(start, offset, &segments);
        let (text, memory) = (loaded(&bytes, &segments, EXECUTABLE), loaded(&bytes, &segments, 0));
        let range =
            |segment: &Segment<'_>| segment.address..segment.address + segment.bytes.len() as u64;
        let code = Code::new(text.iter().map(range)).expect("it has code");
        let section = |name: &str| {
            let found = sections.iter().find(|(found, _)| found == name).map(|(_, part)| part);
            found.map_or((&[][..], 0), |part| (bytes_of(&bytes, part), part.address))
        };
        let (frame, address) = section(".eh_frame");
        let frames = Frames { text: section(".text").1, ..Frames::eh(frame, address) }.rules(&code);
        let covered: Vec<Range<u64>> = frames.source.covered().collect();
        let mut symbols = function_symbols(section(".dynsym").0);
        symbols.extend(function_symbols(section(".symtab").0));
        let mut pointers = relative_pointers(section(".rela.dyn").0);
        pointers.extend(packed_pointers(section(".relr.dyn").0, &memory));
        let fixed = memory.iter().all(|segment| segment.address >= LOWEST_FIXED);
        let uncovered = Uncovered::read(&code, &memory, &covered);
        for segment in memory.iter().filter(|_| fixed) {
            pointers.extend(fixed_pointers(segment.bytes, &uncovered));
        }
        let plt = sections.iter().filter(|(name, _)| name.starts_with(".plt"));
        let plt: Vec<Range<u64>> =
            plt.map(|(_, part)| part.address..part.address + part.size as u64).collect();
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
            table: Table::build(&code, &[&frames.source, &made.source(&code)]),
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
fn bias(start: u64, offset: u64, segments: &[Part]) -> u64 {
    let first = segments
        .iter()
        .find(|part| part.kind == PT_LOAD && part.offset as u64 / 4096 == offset / 4096)
        .expect("a segment at the mapping's offset");
    start.wrapping_sub(first.address - first.offset as u64 % 4096)
}

pub(super) fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{digits} is no number"))
}

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn segments(bytes: &[u8]) -> Vec<Part> {
    let (table, size) = (number(bytes, 32, 8) as usize, number(bytes, 54, 2) as usize);
    let at = (0..number(bytes, 56, 2) as usize).map(|index| table + size * index);
    let part = |at| Part {
        kind: number(bytes, at, 4),
        flags: number(bytes, at + 4, 4),
        name: 0,
        address: number(bytes, at + 16, 8),
        offset: number(bytes, at + 8, 8) as usize,
        size: number(bytes, at + 32, 8) as usize,
    };
    at.map(part).collect()
}

fn sections(bytes: &[u8]) -> Vec<(String, Part)> {
    let (table, size) = (number(bytes, 40, 8) as usize, number(bytes, 58, 2) as usize);
    let header = |at: usize| Part {
        kind: number(bytes, at + 4, 4),
        flags: number(bytes, at + 8, 8),
        name: number(bytes, at, 4) as usize,
        address: number(bytes, at + 16, 8),
        offset: number(bytes, at + 24, 8) as usize,
        size: number(bytes, at + 32, 8) as usize,
    };
    let names = header(table + size * number(bytes, 62, 2) as usize).offset;
    let headers = (0..number(bytes, 60, 2) as usize).map(|index| header(table + size * index));
    let named = headers.map(|part| {
        let name = bytes[names + part.name..].split(|&byte| byte == 0).next().unwrap_or_default();
        (String::from_utf8_lossy(name).into_owned(), part)
    });
    named.collect()
}

/// The segments that have these flags.
fn loaded<'a>(bytes: &'a [u8], segments: &[Part], flags: u64) -> Vec<Segment<'a>> {
    let wanted = segments.iter().filter(|part| part.kind == PT_LOAD && part.flags & flags == flags);
    wanted.map(|part| Segment { address: part.address, bytes: bytes_of(bytes, part) }).collect()
}

fn bytes_of<'a>(bytes: &'a [u8], part: &Part) -> &'a [u8] {
    if part.kind == NO_BYTES { &[] } else { &bytes[part.offset..part.offset + part.size] }
}

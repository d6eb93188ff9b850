//! A file's bytes by virtual address, as they are loaded.

use bpf::unwind::synth::Memory;
use symbolizer::name::elf::Bytes;

/// No more segments are looked at.
const MOST: usize = 64;
const HEADER: usize = 56;
const PT_LOAD: u64 = 1;

/// The part of a segment that the file fills.
#[derive(Clone, Copy, Debug)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// The loaded segments of a 64-bit ELF file.
#[derive(Debug)]
pub(super) struct Loaded<'a> {
    bytes: Bytes<'a>,
    segments: Vec<Segment>,
}

impl<'a> Loaded<'a> {
    /// Reads the program headers.
    pub(super) fn parse(bytes: Bytes<'a>) -> Option<Self> {
        let header = bytes.read(0, 64)?;
        let count = usize::try_from(word(&header, 56, 2)?).ok()?.min(MOST);
        let table = bytes.read(word(&header, 32, 8)?, HEADER * count)?;
        let headers = table.chunks_exact(HEADER);
        let segments = headers.filter(|header| word(header, 0, 4) == Some(PT_LOAD)).map(|header| {
            let at = |offset| word(header, offset, 8);
            Some(Segment { address: at(16)?, offset: at(8)?, size: at(32)? })
        });
        Some(Self { bytes, segments: segments.collect::<Option<_>>()? })
    }

    /// The lowest loaded address.
    pub(super) fn lowest(&self) -> u64 {
        self.segments.iter().map(|segment| segment.address).min().unwrap_or(0)
    }
}

impl Memory for Loaded<'_> {
    fn read(&self, address: u64, len: usize) -> Vec<u8> {
        let at = |segment: &Segment| {
            let inside = address.checked_sub(segment.address)?;
            let rest = segment.size.checked_sub(inside).filter(|&rest| rest > 0)?;
            let len = len.min(usize::try_from(rest).ok()?);
            self.bytes.read(segment.offset.checked_add(inside)?, len)
        };
        self.segments.iter().find_map(at).unwrap_or_default()
    }
}

fn word(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + size)?;
    Some(bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)))
}

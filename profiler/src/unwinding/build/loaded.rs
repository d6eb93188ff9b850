//! A file's bytes by virtual address, as they are loaded.

use bpf::unwind::synth::Memory;
use elf::{Bytes, Image, Segment};

/// The most segments that are read.
const MOST: usize = 64;

/// The loaded segments of a file.
#[derive(Debug)]
pub(super) struct Loaded<'a> {
    bytes: Bytes<'a>,
    segments: Vec<Segment>,
}

impl<'a> Loaded<'a> {
    /// Reads the program headers.
    pub(super) fn of(image: &Image<'a>) -> Option<Self> {
        let segments = image.segments().ok()?.into_iter().filter(Segment::is_loaded).take(MOST);
        Some(Self { bytes: image.bytes(), segments: segments.collect() })
    }

    /// The virtual address of the file's first byte.
    pub(super) fn first(&self) -> Option<u64> {
        self.segments.first().map(|first| first.address.wrapping_sub(first.offset))
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
            let rest = segment.file_size.checked_sub(inside).filter(|&rest| rest > 0)?;
            let len = len.min(usize::try_from(rest).ok()?);
            self.bytes.read(segment.offset.checked_add(inside)?, len)
        };
        self.segments.iter().find_map(at).unwrap_or_default()
    }
}

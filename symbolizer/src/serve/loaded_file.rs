//! A file as it was loaded in the memory of a process that has ended.

use crate::runtime::Memory;
use elf::{Bytes, Image, Segment};
use std::fs::File;

/// The most segments that are read.
const MOST_SEGMENTS: usize = 64;

/// The loaded segments of a file, by their addresses in the memory of a process. What the process wrote there is not in them.
pub(super) struct LoadedFile<'a> {
    bytes: Bytes<'a>,
    segments: Vec<Segment>,
    /// The address in memory minus the virtual address.
    bias: u64,
}

impl<'a> LoadedFile<'a> {
    /// A file whose ELF header was at this address. `None`: it is no ELF file.
    pub(super) fn of(file: &'a File, header: u64) -> Option<Self> {
        let image = Image::parse(Bytes::File(file)).ok()?;
        let loaded = image.segments().ok()?.into_iter().filter(Segment::is_loaded);
        let segments: Vec<Segment> = loaded.take(MOST_SEGMENTS).collect();
        let first = segments.first().map(|first| first.address.wrapping_sub(first.offset))?;
        Some(Self { bytes: image.bytes(), segments, bias: header.wrapping_sub(first) })
    }
}

impl Memory for LoadedFile<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let address = address.wrapping_sub(self.bias);
        let part = |segment: &Segment| {
            let inside = address.checked_sub(segment.address)?;
            let rest = segment.file_size.checked_sub(inside)?;
            let len = u64::try_from(bytes.len()).ok().filter(|len| *len <= rest)?;
            self.bytes.read(segment.offset.checked_add(inside)?, usize::try_from(len).ok()?)
        };
        let found = self.segments.iter().find_map(part).filter(|found| found.len() == bytes.len());
        found.is_some_and(|found| {
            bytes.copy_from_slice(&found);
            true
        })
    }
}

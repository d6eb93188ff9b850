//! The program headers.

use crate::word::{address_at, u32_at};
use crate::{Bytes, Error, Header};

/// A file with more program headers is malformed.
const MAX_SEGMENTS: usize = 4096;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const PF_X: u32 = 1;

/// A program header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// `p_type`.
    pub kind: u32,
    /// `p_flags`.
    pub flags: u32,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// First virtual address.
    pub address: u64,
    /// Bytes in the file.
    pub file_size: u64,
    /// Bytes in memory.
    pub memory_size: u64,
}

impl Segment {
    /// Whether it is loaded into memory.
    pub fn is_loaded(&self) -> bool {
        self.kind == PT_LOAD
    }

    /// Whether it is loaded as code.
    pub fn is_code(&self) -> bool {
        self.is_loaded() && self.flags & PF_X != 0
    }

    pub(crate) fn is_note(&self) -> bool {
        self.kind == PT_NOTE
    }
}

impl Header {
    /// The segments, in file order; empty if the file has no program headers.
    ///
    /// # Errors
    /// When the header's description of them cannot be right, or they are cut off.
    pub fn segments(&self, bytes: Bytes<'_>) -> Result<Vec<Segment>, Error> {
        let (table, wide) = (self.segments, self.wide);
        if table.count == 0 {
            return Ok(Vec::new());
        }
        if table.entry_size != if wide { 56 } else { 32 } || table.count > MAX_SEGMENTS {
            return Err(Error::SegmentTable);
        }
        let size = table.entry_size * table.count;
        let raw = bytes.read(table.offset, size).filter(|raw| raw.len() == size);
        let raw = raw.ok_or(Error::SegmentTable)?;
        Ok(raw.chunks_exact(table.entry_size).filter_map(|raw| parse(raw, wide)).collect())
    }
}

fn parse(raw: &[u8], wide: bool) -> Option<Segment> {
    let (flags, words) = if wide { (4, [8, 16, 32, 40]) } else { (24, [4, 8, 16, 20]) };
    let word = |index: usize| address_at(raw, words[index], wide);
    Some(Segment {
        kind: u32_at(raw, 0)?,
        flags: u32_at(raw, flags)?,
        offset: word(0)?,
        address: word(1)?,
        file_size: word(2)?,
        memory_size: word(3)?,
    })
}

//! Notes: the build ID.

use crate::word::u32_at;
use crate::{Bytes, Header, Segment};

/// Bytes of notes in one place that are looked at.
const MAX_NOTES: usize = 64 << 10;
/// A longer build ID is none.
const MAX_ID: usize = 64;
/// The type of the note that holds it, among those of the owner `GNU`.
const BUILD_ID: u32 = 3;

/// The GNU build ID among notes.
pub fn build_id(notes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = notes;
    loop {
        let (name, len) = (u32_at(rest, 0)? as usize, u32_at(rest, 4)? as usize);
        let kind = u32_at(rest, 8)?;
        let name_end = 12usize.checked_add(name)?;
        let start = name_end.checked_next_multiple_of(4)?;
        let end = start.checked_add(len)?;
        if kind == BUILD_ID && rest.get(12..name_end)? == b"GNU\0" && (1..=MAX_ID).contains(&len) {
            return rest.get(start..end).map(<[u8]>::to_vec);
        }
        rest = rest.get(end.checked_next_multiple_of(4)?..)?;
    }
}

impl Header {
    /// The build ID by the notes of the segments, which are in memory at run time; where these have none, by those of
    /// the sections. Reads nothing else.
    pub fn build_id(&self, bytes: Bytes<'_>, segments: &[Segment]) -> Option<Vec<u8>> {
        let notes = segments.iter().filter(|segment| segment.is_note());
        let found = notes.map(|notes| (notes.offset, notes.file_size)).find_map(at(bytes));
        found.or_else(|| {
            let sections = self.nameless_sections(bytes).ok()?;
            let notes = sections.iter().filter(|section| section.is_note());
            notes.map(|notes| (notes.offset, notes.size)).find_map(at(bytes))
        })
    }
}

/// The build ID among the notes at an offset, of a size.
pub(crate) fn at(bytes: Bytes<'_>) -> impl Fn((u64, u64)) -> Option<Vec<u8>> {
    move |(offset, size)| {
        let size = usize::try_from(size).ok()?.min(MAX_NOTES);
        build_id(&bytes.read(offset, size)?)
    }
}

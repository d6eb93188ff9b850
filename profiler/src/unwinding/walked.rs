//! One process as the unwind tables know it.

use bpf::{SideBand, SideBandKind, SpaceName};
use symbolizer::{CodeMemory, CodeOf, CodeRange, FileId, ProcessTable, Segment};

/// A process whose code was read.
#[derive(Debug)]
pub(super) struct Walked {
    /// Its name in the kernel's tables, if it is in them.
    pub(super) name: Option<SpaceName>,
    pub(super) code: CodeMemory,
    /// The ranges of its code.
    pub(super) ranges: Vec<CodeRange>,
    /// The files of its code.
    pub(super) files: Vec<FileId>,
    /// Whether tables of its files were missing.
    pub(super) incomplete: bool,
}

impl Walked {
    /// Whether a new mapping replaces code that the tables know.
    pub(super) fn loses_code_to(&self, record: &SideBand, table: &ProcessTable) -> bool {
        let SideBandKind::Mmap { start, len, offset, path, .. } = &record.kind else {
            return false;
        };
        let end = start.saturating_add(*len);
        let same = |range: &CodeRange| match range.holds {
            CodeOf::File { file, bias } => table.file(file).is_some_and(|known| {
                let at = |s: &Segment| bias.wrapping_add(s.start).wrapping_sub(s.offset);
                let mut places = known.segments.iter().map(at);
                known.path == *path && places.any(|place| place.wrapping_add(*offset) == *start)
            }),
            CodeOf::Jit => path.starts_with(b"//anon"),
            CodeOf::Vdso { .. } | CodeOf::Unknown => false,
        };
        let overlapped = |range: &&CodeRange| range.start < end && range.end > *start;
        let mut ranges = self.ranges.iter().filter(overlapped);
        self.name.is_some() && ranges.any(|range| !same(range))
    }
}

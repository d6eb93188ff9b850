//! One process as the unwind tables know it.

use super::choice::{Choice, Seen};
use bpf::{SideBand, SideBandKind, SpaceName, Stack, Window};
use std::collections::{HashMap, HashSet};
use symbolizer::{CodeMemory, CodeOf, CodeRange, FileId, ProcessTable, Segment};

/// A process whose code was read.
#[derive(Debug)]
pub(super) struct Walked {
    /// Its name in the kernel's tables, if it is in them.
    pub(super) name: Option<SpaceName>,
    pub(super) code: CodeMemory,
    /// The code that gets tables.
    pub(super) choice: Choice,
    /// The sampled addresses, if code was left out, and whether there are new ones outside of the choice.
    pub(super) seen: Seen,
    pub(super) news: bool,
    /// Whether tables of its files were missing.
    pub(super) incomplete: bool,
}

impl Walked {
    /// Notes the addresses of a stack, if code was left out.
    pub(super) fn note(&mut self, stack: &Stack) {
        if !self.choice.partial {
            return;
        }
        for frame in &stack.frames {
            self.news |= self.seen.note(frame.lookup()) && !self.choice.holds(frame.lookup());
        }
    }

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
        let mut ranges = self.choice.ranges.iter().filter(overlapped);
        self.name.is_some() && ranges.any(|range| !same(range))
    }
}

/// Notes what was sampled in processes of which code was left out.
pub(super) fn note(all: &mut HashMap<u32, Walked>, batch: &Window) {
    if !all.values().any(|walked| walked.choice.partial) {
        return;
    }
    let stacks: HashMap<_, _> = batch.stacks.iter().map(|stack| (stack.id, stack)).collect();
    for sample in &batch.samples {
        if let (Some(stack), Some(walked)) =
            (stacks.get(&sample.user), all.get_mut(&sample.space.pid))
        {
            walked.note(stack);
        }
    }
}

/// The most processes that get a new table at once before they are sampled.
const MOST_UNSAMPLED: usize = 4096;

/// Adds the processes whose files or run-time code have new tables. A table that has come for the first time is new for those that lack it,
/// though nobody has sampled them: the first sample of each may be its only one.
pub(super) fn again(
    all: &HashMap<u32, Walked>,
    (replaced, came, new_code): (&[FileId], &[FileId], &[u32]),
    changed: &mut Vec<(CodeMemory, Choice)>,
) {
    if replaced.is_empty() && came.is_empty() && new_code.is_empty() {
        return;
    }
    let known: HashSet<u32> = changed.iter().map(|(code, _)| code.pid).collect();
    let has = |walked: &Walked, files: &[FileId]| {
        files.iter().any(|file| walked.choice.files.contains(file))
    };
    let lacks = |walked: &Walked| walked.incomplete && walked.name.is_some() && has(walked, came);
    let mut room = MOST_UNSAMPLED;
    for walked in all.values().filter(|walked| !known.contains(&walked.code.pid)) {
        let new = new_code.contains(&walked.code.pid) || has(walked, replaced);
        if new || room > 0 && lacks(walked) {
            room -= usize::from(!new);
            changed.push((walked.code.clone(), walked.choice.clone()));
        }
    }
}

//! The choice among the code of a process that has more than fits.

use bpf::Tables;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use symbolizer::{CodeOf, CodeRange, FileId};

/// The most files of a process that get tables.
const MOST_FILES: usize = 1_024;
/// The most places that are noted in a process.
const MOST_SEEN: usize = 4_096;

/// The code of a process that gets tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// The ranges that the kernel shall know. If some were left out, those that were sampled come first, then the largest.
    pub(super) ranges: Vec<CodeRange>,
    /// The files that get tables.
    pub(super) files: HashSet<FileId>,
    /// Whether code was left out.
    pub(super) partial: bool,
}

/// The addresses of code that was sampled in a process of which code was left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    addresses: BTreeSet<u64>,
}

impl Seen {
    /// Notes an address. Returns whether it is new. Addresses of one page are one.
    pub(super) fn note(&mut self, address: u64) -> bool {
        self.addresses.len() < MOST_SEEN && self.addresses.insert(address & !0xfff)
    }

    fn within(&self, range: &CodeRange) -> bool {
        self.addresses.range(range.start & !0xfff..range.end).next().is_some()
    }
}

impl Choice {
    /// Chooses among the ranges of a process.
    pub(super) fn of(mut ranges: Vec<CodeRange>, seen: &Seen) -> Self {
        let all: HashSet<FileId> = ranges.iter().filter_map(file).collect();
        if ranges.len() <= Tables::MOST_MAPPINGS && all.len() <= MOST_FILES {
            return Self { ranges, files: all, partial: false };
        }
        ranges.sort_by_key(|range| (!seen.within(range), Reverse(range.end - range.start)));
        ranges.truncate(Tables::MOST_MAPPINGS);
        let mut files = HashSet::new();
        for file in ranges.iter().filter_map(file) {
            if files.len() < MOST_FILES {
                files.insert(file);
            }
        }
        Self { ranges, files, partial: true }
    }

    /// The files that get tables, in the order of the ranges, each once.
    pub(super) fn files_in_order(&self) -> Vec<FileId> {
        let mut listed = HashSet::new();
        let mut chosen = |file: &FileId| self.files.contains(file) && listed.insert(*file);
        self.ranges.iter().filter_map(file).filter(|file| chosen(file)).collect()
    }

    /// Whether the file of a range was left out.
    pub(super) fn leaves_out(&self, range: &CodeRange) -> bool {
        file(range).is_some_and(|file| !self.files.contains(&file))
    }

    /// Whether an address is in code that was chosen, with its file.
    pub(super) fn holds(&self, address: u64) -> bool {
        let range = self.ranges.iter().find(|r| (r.start..r.end).contains(&address));
        range.is_some_and(|range| !self.leaves_out(range))
    }
}

/// The file that a range of code belongs to.
pub(super) fn file(range: &CodeRange) -> Option<FileId> {
    match range.holds {
        CodeOf::File { file, .. } => Some(file),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of files of their own that do not touch, and a larger one behind them.
    fn ranges(count: u32) -> Vec<CodeRange> {
        let page = |number: u32| {
            let start = 0x10_0000 + 0x2000 * u64::from(number);
            let len = if number == count { 0x1800 } else { 0x1000 };
            let holds = CodeOf::File { file: FileId(number), bias: 0 };
            CodeRange { start, end: start + len, holds }
        };
        (0..=count).map(page).collect()
    }

    #[test]
    fn of_a_usual_process_everything_is_chosen() {
        let all = ranges(500);
        let choice = Choice::of(all.clone(), &Seen::default());
        assert_eq!((choice.ranges, choice.files.len(), choice.partial), (all, 501, false));
    }

    #[test]
    fn what_was_sampled_comes_first_and_then_the_largest() {
        let last = 59_999;
        let all = ranges(60_000);
        let place = all[last as usize].start + 0x123;
        let before = Choice::of(all.clone(), &Seen::default());
        assert!(before.partial && !before.holds(place));
        assert_eq!(before.ranges.len(), Tables::MOST_MAPPINGS);
        assert_eq!(before.files.len(), MOST_FILES);
        assert_eq!(file(&before.ranges[0]), Some(FileId(60_000)));
        let mut seen = Seen::default();
        assert!(seen.note(place) && !seen.note(place + 1));
        let choice = Choice::of(all, &seen);
        assert!(choice.holds(place));
        assert_eq!(file(&choice.ranges[0]), Some(FileId(last)));
        assert!(choice.leaves_out(&choice.ranges[MOST_FILES + 9]));
    }
}

//! The rules of a piece of code, packed, and how they become a source of a table.

use super::blob::UNKNOWN;
use crate::rule::{Compact, ReturnAddress, Rule};
use crate::table::{Code, Source};
use std::ops::Range;

/// Rows of a piece of code; what follows them is not known.
const MOST_ROWS: usize = 1 << 19;

/// The rules of a piece of code by offset: each holds up to the next one, the last to the piece's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(Vec<(u32, Compact)>);

impl Rows {
    /// One rule throughout.
    pub(super) fn of(rule: Rule) -> Self {
        Self(vec![(0, Compact::of(&rule))])
    }

    /// From an offset on, behind all that were given before.
    pub(super) fn push(&mut self, offset: usize, rule: Rule) {
        let is_full = self.0.len() >= MOST_ROWS;
        let rule = if is_full { UNKNOWN } else { rule };
        let (offset, rule) = (offset as u32, Compact::of(&rule));
        match self.0.last_mut() {
            Some(last) if is_full => last.1 = rule,
            Some(last) if last.1 == rule => {}
            Some(last) if last.0 >= offset => last.1 = rule,
            _ => self.0.push((offset, rule)),
        }
    }

    /// The rule at an offset.
    pub fn at(&self, offset: u32) -> Option<Rule> {
        let after = self.0.partition_point(|row| row.0 <= offset);
        self.0.get(after.checked_sub(1)?)?.1.rule()
    }

    /// Fills the gaps, where no rule can be followed, with the rules of `other`.
    pub(super) fn filled(&self, other: &Self) -> Self {
        let mut offsets: Vec<u32> = self.0.iter().chain(&other.0).map(|row| row.0).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let mut filled = Self::default();
        for offset in offsets {
            let known = |rows: &Self| {
                rows.at(offset).filter(|rule| !matches!(rule.ra, ReturnAddress::Unsupported(_)))
            };
            filled.push(offset as usize, known(self).or_else(|| known(other)).unwrap_or(UNKNOWN));
        }
        filled
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn shrunk(mut self) -> Self {
        self.0.shrink_to_fit();
        self
    }
}

/// A source of a table: pieces of code by address.
pub fn source<'a>(code: &Code, pieces: impl IntoIterator<Item = (Range<u64>, &'a Rows)>) -> Source {
    let mut source = Source::new(code);
    for (range, rows) in pieces {
        let whole = code.within(range.clone()).next() == Some(range.clone());
        if !whole || range.end - range.start > u64::from(u32::MAX) {
            continue;
        }
        source.begin();
        for (index, (offset, rule)) in rows.0.iter().enumerate() {
            let start = range.start + u64::from(*offset);
            let end =
                rows.0.get(index + 1).map_or(range.end, |next| range.start + u64::from(next.0));
            if start < end && end <= range.end {
                source.row(start..end, *rule);
            }
        }
        source.end();
        if source.is_full() {
            break;
        }
    }
    source
}

/// A source that marks all code as not ready yet.
pub fn not_yet(code: &Code) -> Source {
    let mut source = Source::new(code);
    for range in code.ranges() {
        source.push(range.clone(), &Rule::NOT_YET);
    }
    source
}

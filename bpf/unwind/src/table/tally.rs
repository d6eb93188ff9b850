//! The amount of a file's code that has rules.

use super::Table;
use crate::rule::Unsupported;

/// Bytes of code by what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes with rules, including rules that cannot be expressed.
    pub covered: u64,
    /// Bytes with rules that cannot be expressed, by kind.
    unsupported: [u64; Unsupported::ALL.len()],
}

impl Tally {
    /// Bytes of code whose rules cannot be expressed for this reason.
    pub fn unsupported(&self, kind: Unsupported) -> u64 {
        self.unsupported[kind as usize]
    }
}

impl Table {
    /// The amount of code with rules, counted row by row.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (range, rule) in self.ranges() {
            let bytes = range.end - range.start;
            tally.covered += bytes;
            if let Some(kind) = rule.unsupported_kind() {
                tally.unsupported[kind as usize] += bytes;
            }
        }
        tally
    }
}

//! Rules for code without unwind entries: hand-written assembly in a file whose other code has rules.
//!
//! The code is disassembled, and the stack's height is followed from entries where it is known: at the begin of a function, the
//! canonical frame address is rsp + 8. From a place where ways with different heights meet, there is no rule. The bytes are not
//! trusted: work and memory are bounded by their number.
//!
//! In reading order: [`Uncovered`] is the code without entries; `scan` and `entries` find where it is entered; `state` and `step` are
//! the known values of registers and frame; `walk` and `flow` follow the code; `held` finds calls that never return; `trial` tries
//! doubtful entries; `facts` and `calls` find the registers that callees keep; `rule_of` and `rows` make the rules.
//! [`is_call_before`] is for addresses without even such a rule.
//!
//! The files form one circle on purpose: what follows code finds entries, and entries are what code is followed from, until nothing
//! new is found.

mod addresses;
mod call_before;
mod calls;
mod entries;
mod facts;
mod flow;
mod held;
#[cfg(test)]
mod hostile;
mod image;
mod jump_table;
mod jumps;
mod labels;
mod memory;
mod packed;
mod padding;
mod ranges;
mod rows;
mod rule_of;
mod scan;
mod sources;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod trial;
mod uncovered;
mod value;
mod walk;
mod work;

pub use call_before::is_call_before;
pub use memory::{Memory, Segment};
pub(super) use padding::is_padding;
pub use sources::{fixed_pointers, function_symbols, packed_pointers, relative_pointers};
pub use uncovered::Uncovered;

use super::rule::Rule;
use super::table::{Code, Source};
use image::Image;
use std::ops::Range;

/// The known facts about a file's code. Addresses are virtual addresses of the file; no slice needs to be sorted.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The executable ranges.
    pub code: &'a Code,
    /// The bytes of the code and of the other loaded segments, which contain jump tables.
    pub memory: &'a dyn Memory,
    /// Whether the file is linked for fixed addresses. Its instructions may then contain addresses as numbers.
    pub fixed: bool,
    /// The code that no table covers.
    pub uncovered: &'a Uncovered,
    /// The procedure linkage tables.
    pub plt: &'a [Range<u64>],
    /// The begins of functions, from symbols.
    pub functions: &'a [u64],
    /// The targets of relative relocations.
    pub pointers: &'a [u64],
}

/// Rules for uncovered code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synthesised {
    /// Sorted, without overlap, neighbours differ. No range reaches into covered code.
    pub rules: Vec<(Range<u64>, Rule)>,
    /// The amount of code, and of code that could not be followed.
    pub counts: Counts,
}

impl Synthesised {
    /// The rules as a source of a file's table.
    pub fn source(&self, code: &Code) -> Source {
        let mut source = Source::new(code);
        for (range, rule) in &self.rules {
            source.push(range.clone(), rule);
        }
        source
    }
}

/// The amount of uncovered code, and of code that could not be followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of code that no unwind entry covers, padding between functions apart.
    pub uncovered: u64,
    /// Bytes of these that have a rule now.
    pub ruled: u64,
    /// Instructions that were reached, but at which the frame is unknown.
    pub frame_lost: u64,
    /// Places where ways meet with different heights.
    pub heights_differ: u64,
    /// Returns with another height than at the entry: all code that leads to one is left without rules.
    pub unbalanced_returns: u64,
    /// Jumps to an address in a register or in memory, within a frame, whose targets are not known.
    pub indirect_jumps: u64,
    /// Bytes that are no instruction, on a way from an entry.
    pub undecodable: u64,
    /// Instructions that overlap with others, and have other rules.
    pub overlapping: u64,
    /// Possible entries that turned out to be none.
    pub refused_entries: u64,
    /// Possible entries that were not tried: there were too many.
    pub untried_entries: u64,
    /// Bytes of the uncovered code that were not looked at: it is too much.
    pub beyond: u64,
    /// Instructions that were looked at, each as often as that was done.
    pub instructions: u64,
    /// The bound, relative to the code's size, that was exceeded. There are no rules then.
    pub gave_up: Option<Bound>,
}

/// A bound on the work that a file's code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// Instructions that are followed.
    Instructions,
    /// Blocks of code.
    Blocks,
    /// Rules.
    Rules,
}

/// Makes rules for the code that no unwind entry covers.
///
/// Takes time and memory in proportion to the bytes of the code, however hostile they are.
pub fn synthesise(input: &Input<'_>) -> Synthesised {
    let image = Image::new(input);
    if input.uncovered.is_empty() {
        return rows::make(&image, facts::Findings::default());
    }
    let entries = entries::find(input, &image);
    let mut findings = entries.follow(&image, &calls::Calls::default());
    if findings.gave_up.is_none() && findings.calls_within() {
        let calls = calls::Calls::new(&findings);
        drop(findings);
        findings = entries.follow(&image, &calls);
    }
    rows::make(&image, findings)
}

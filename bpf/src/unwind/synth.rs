//! Rules for code that no unwind entry covers: hand-written assembly, in a file whose other code has rules.
//!
//! The code is disassembled and the stack's height followed through it, from entries where it is known: at a
//! function's begin the canonical frame address is rsp + 8. Where ways with different heights meet, there is no
//! rule from there on. Nothing here trusts the bytes: work and memory are bounded by their number.
//!
//! In reading order: `image` finds what is covered, `scan` and `entries` where uncovered code is entered, `state` and `step`
//! say what is known of registers and frame, `walk` and `flow` follow the code, `trial` tries entries that may be none,
//! `facts` and `calls` tell what callees leave alone, `rule_of` and `rows` make rules of it all. [`is_call_before`] is for
//! addresses that have not even such a rule.

mod addresses;
mod call_before;
mod calls;
mod entries;
mod facts;
mod flow;
mod image;
mod jump_table;
mod jumps;
mod labels;
mod packed;
mod rows;
mod rule_of;
mod scan;
mod sources;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod trial;
mod walk;

pub use call_before::is_call_before;
pub use sources::{function_symbols, packed_pointers, relative_pointers};

use super::rule::Rule;
use super::table::{Code, Source};
use image::Image;
use std::ops::Range;

/// Bytes of a file that are loaded at a virtual address.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The virtual address of the first byte.
    pub address: u64,
    /// The bytes from the file.
    pub bytes: &'a [u8],
}

/// What is known of a file's code. Addresses are the file's virtual ones; no slice needs to be sorted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// What is executable.
    pub code: &'a [Segment<'a>],
    /// What else is loaded: jump tables and pointers to functions stand there.
    pub data: &'a [Segment<'a>],
    /// One range for each unwind entry: an instruction begins where it does.
    pub covered: &'a [Range<u64>],
    /// The procedure linkage tables.
    pub plt: &'a [Range<u64>],
    /// Where symbols say that functions begin.
    pub functions: &'a [u64],
    /// What relative relocations point at.
    pub pointers: &'a [u64],
}

/// Rules for uncovered code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synthesised {
    /// Sorted, without overlap, neighbours differ. No range reaches into covered code.
    pub rules: Vec<(Range<u64>, Rule)>,
    /// How much code there was, and what could not be followed.
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

/// Of uncovered code: how much there is, and what could not be followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes that no unwind entry covers, padding between functions apart.
    pub uncovered: u64,
    /// Bytes of these that have a rule now.
    pub ruled: u64,
    /// Instructions that were reached, and at which nothing tells the frame.
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
    /// Whether the code was too much for its size to be followed to the end; there are no rules then.
    pub gave_up: bool,
}

/// Makes rules for the code that no unwind entry covers.
///
/// Takes time and memory in proportion to the bytes of the code, however hostile they are.
pub fn synthesise(input: &Input<'_>) -> Synthesised {
    let image = Image::new(input);
    if image.gaps().is_empty() {
        return Synthesised::default();
    }
    let entries = entries::find(input, &image);
    let mut findings = entries.follow(&image, &calls::Calls::default());
    if findings.calls_within() {
        let calls = calls::Calls::new(&findings);
        drop(findings);
        findings = entries.follow(&image, &calls);
    }
    rows::make(&image, findings)
}

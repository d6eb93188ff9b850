//! The rules that one of a file's tables gives.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::Code;
use crate::unwind::rule::{Compact, Rule, Unsupported};

/// Rows of a source; what a file has beyond them is left out.
const MOST_ROWS: usize = 8 << 20;
/// Unique rules of a source or of a table, so that a row can number them.
pub(super) const MOST_RULES: usize = 1 << 16;
/// Rules that are found again without hashing.
const RECENT: usize = 256;

/// Addresses by what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of code with rules, those that cannot be expressed included.
    pub covered: u64,
    /// Bytes of code whose rules cannot be expressed, at the index of [`Unsupported`]'s number.
    pub unsupported: [u64; Unsupported::ALL.len()],
}

impl Tally {
    /// Bytes of code that cannot be expressed for this reason.
    pub fn of(&self, kind: Unsupported) -> u64 {
        self.unsupported[kind as usize]
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.covered += other.covered;
        for (sum, more) in self.unsupported.iter_mut().zip(other.unsupported) {
            *sum += more;
        }
    }
}

/// From an address on, which of the source's rules holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// From the span's base.
    pub(super) at: u32,
    pub(super) rule: u32,
}

/// A run of addresses with rules throughout: a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Its rows; the first one starts where the piece does.
    pub(super) first: u32,
    pub(super) last: u32,
}

/// Rules over address ranges, from one of a file's tables.
#[derive(Clone, Debug)]
pub struct Source {
    code: Arc<Code>,
    pub(super) pieces: Vec<Piece>,
    pub(super) rows: Vec<Row>,
    pub(super) rules: Vec<Compact>,
    numbers: HashMap<Compact, u32>,
    recent: Vec<(Compact, u32)>,
    tally: Tally,
    full: bool,
}

impl Source {
    /// Without rules yet.
    pub fn new(code: &Code) -> Self {
        Self {
            code: Arc::new(code.clone()),
            pieces: Vec::new(),
            rows: Vec::new(),
            rules: vec![Compact::NONE],
            numbers: HashMap::from([(Compact::NONE, 0)]),
            recent: vec![(Compact::NONE, 0); RECENT],
            tally: Tally::default(),
            full: false,
        }
    }

    /// Adds a range with one rule; its parts outside the code are left out.
    pub fn push(&mut self, range: Range<u64>, rule: &Rule) {
        let code = Arc::clone(&self.code);
        for part in code.within(range) {
            self.begin();
            self.row(part.clone(), Compact::of(rule));
            self.end();
        }
    }

    /// Where code lies.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// Whether something was left out because there were too many rows.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// How many addresses have rules, and how many have some that cannot be expressed.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Address ranges with rules, in the order that they were added.
    pub fn covered(&self) -> impl Iterator<Item = Range<u64>> {
        let at = |offset: u32| self.code.base() + u64::from(offset);
        self.pieces.iter().map(move |piece| at(piece.start)..at(piece.end))
    }

    /// Opens a piece.
    pub(in crate::unwind) fn begin(&mut self) {
        let first = self.rows.len() as u32;
        self.pieces.push(Piece { start: 0, end: 0, first, last: first });
    }

    /// A rule over a range that lies within the code and follows the one before directly, in the open piece.
    pub(in crate::unwind) fn row(&mut self, range: Range<u64>, rule: Compact) {
        if self.rows.len() >= MOST_ROWS {
            self.full = true;
            return;
        }
        self.tally.covered += range.end - range.start;
        if let Some(kind) = rule.unsupported_kind() {
            self.count(kind, range.end - range.start);
        }
        let (start, end) = (self.code.offset(range.start), self.code.offset(range.end));
        let rule = self.number(rule);
        let Some(piece) = self.pieces.last_mut() else { return };
        piece.end = end;
        let last = self.rows.last().filter(|_| piece.first < piece.last);
        if last.is_none() {
            piece.start = start;
        }
        if last.is_none_or(|last| last.rule != rule) {
            self.rows.push(Row { at: start, rule });
            piece.last += 1;
        }
    }

    /// Closes the piece.
    pub(in crate::unwind) fn end(&mut self) {
        if self.pieces.last().is_some_and(|piece| piece.first == piece.last) {
            self.pieces.pop();
        }
    }

    /// Counts addresses whose rules cannot be expressed.
    pub(in crate::unwind) fn count(&mut self, kind: Unsupported, addresses: u64) {
        self.tally.unsupported[kind as usize] += addresses;
    }

    /// The number of a rule among the unique ones.
    fn number(&mut self, rule: Compact) -> u32 {
        let slot = (rule.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT.ilog2())) as usize;
        if self.recent[slot].0 == rule {
            return self.recent[slot].1;
        }
        let number = number(rule, &mut self.rules, &mut self.numbers);
        self.recent[slot] = (rule, number);
        number
    }
}

/// The number of a rule in a list of unique ones; the last number is that of what does not fit.
pub(super) fn number(
    rule: Compact,
    rules: &mut Vec<Compact>,
    numbers: &mut HashMap<Compact, u32>,
) -> u32 {
    if let Some(&number) = numbers.get(&rule) {
        return number;
    }
    let fits = rules.len() < MOST_RULES - 1;
    let rule = if fits { rule } else { Compact::unsupported(Unsupported::TooManyRules) };
    if let Some(&number) = numbers.get(&rule) {
        return number;
    }
    let number = rules.len() as u32;
    rules.push(rule);
    numbers.insert(rule, number);
    number
}

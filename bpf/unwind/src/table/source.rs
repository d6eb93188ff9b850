//! The rules that one of a file's tables gives.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::Code;
use crate::rule::{Compact, Rule, Unsupported};

/// Rows of a source; what a file has beyond them is left out.
const MOST_ROWS: usize = 8 << 20;
/// The most unique rules of a source or a table: a row has 16 bits for the number of its rule.
pub(super) const MOST_RULES: usize = 1 << 16;
/// From a piece's start to that of its last row, at most.
const LONGEST_PIECE: u32 = 0xffff;
/// Bytes of a section that give a row and a piece, at least: compilers' are a third longer.
const BYTES_A_ROW: usize = 4;
const BYTES_A_PIECE: usize = 24;
/// Rules that are found again without hashing.
const RECENT: usize = 2048;

/// A run of addresses with rules throughout: a function, or a part of a long one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Its rows; the first one starts where the piece does. A row has its first address, from the piece's start, in
    /// the lower half, and in the upper half its rule.
    pub(super) first: u32,
    pub(super) last: u32,
}

/// Rules over address ranges, from one of a file's tables.
#[derive(Clone, Debug)]
pub struct Source {
    code: Arc<Code>,
    base: u64,
    pub(super) pieces: Vec<Piece>,
    /// The piece that is being added.
    open: Piece,
    pub(super) rows: Vec<u32>,
    pub(super) rules: Vec<Compact>,
    numbers: HashMap<Compact, u32>,
    recent: Box<[(Compact, u32); RECENT]>,
    full: bool,
}

impl Source {
    /// Without rules yet.
    pub fn new(code: &Code) -> Self {
        Self {
            code: Arc::new(code.clone()),
            base: code.base(),
            pieces: Vec::new(),
            open: Piece::default(),
            rows: Vec::new(),
            rules: vec![Compact::NONE],
            numbers: HashMap::from([(Compact::NONE, 0)]),
            recent: Box::new([(Compact::NONE, 0); RECENT]),
            full: false,
        }
    }

    /// Reserves memory for the rows and pieces of a section of this size, so that they are not moved as they grow. Untouched memory costs
    /// nothing.
    pub(crate) fn reserve(&mut self, section: usize) {
        self.rows.reserve((section / BYTES_A_ROW).min(MOST_ROWS));
        self.pieces.reserve((section / BYTES_A_PIECE).min(MOST_ROWS));
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

    /// The ranges of code.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// Whether something was left out because there were too many rows.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Address ranges with rules, in the order that they were added.
    pub fn covered(&self) -> impl Iterator<Item = Range<u64>> {
        let at = |offset: u32| self.code.base() + u64::from(offset);
        self.pieces.iter().map(move |piece| at(piece.start)..at(piece.end))
    }

    /// Ranges whose rules are wanted, in the order that they were added. Each unique rule is asked about once.
    pub(crate) fn rows_with(&self, wanted: impl Fn(Compact) -> bool) -> Vec<(Range<u64>, Compact)> {
        let numbers: Vec<bool> = self.rules.iter().map(|&rule| wanted(rule)).collect();
        if !numbers.contains(&true) {
            return Vec::new();
        }
        let of = |piece: &Piece| {
            let rows = &self.rows[piece.first as usize..piece.last as usize];
            let start = self.base + u64::from(piece.start);
            let at = move |row: &u32| start + u64::from(row & 0xffff);
            let ends = rows.iter().skip(1).map(at).chain([self.base + u64::from(piece.end)]);
            rows.iter().zip(ends).map(move |(row, end)| (at(row)..end, row >> 16))
        };
        let rows = self.pieces.iter().flat_map(of);
        rows.filter(|(_, number)| numbers[*number as usize])
            .map(|(range, number)| (range, self.rules[number as usize]))
            .collect()
    }

    /// Opens a piece.
    pub(crate) fn begin(&mut self) {
        let first = self.rows.len() as u32;
        self.open = Piece { start: 0, end: 0, first, last: first };
    }

    /// A rule over a range that lies within the code and follows the one before directly, in the open piece.
    #[inline]
    pub(crate) fn row(&mut self, range: Range<u64>, rule: Compact) {
        // Behind a row that was left out, none goes on with the one before it.
        if self.full {
            return;
        }
        let (start, end) = ((range.start - self.base) as u32, (range.end - self.base) as u32);
        let rule = self.number(rule) << 16;
        if self.open.first == self.open.last {
            self.open.start = start;
        } else if self.rows.last().is_some_and(|last| last >> 16 == rule >> 16) {
            self.open.end = end;
            return;
        } else if start - self.open.start > LONGEST_PIECE {
            self.end();
            self.begin();
            self.open.start = start;
        }
        if self.rows.len() >= MOST_ROWS {
            self.full = true;
            return;
        }
        self.rows.push((start - self.open.start) | rule);
        self.open.end = end;
        self.open.last += 1;
    }

    /// Closes the piece.
    pub(crate) fn end(&mut self) {
        if self.open.first < self.open.last {
            self.pieces.push(self.open);
        }
    }

    /// The number of a rule among the unique ones.
    #[inline]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Cfa;

    #[test]
    fn what_is_beyond_the_last_row_has_no_rule() {
        let code = Code::new(Some(0..1 << 24)).unwrap();
        let mut source = Source::new(&code);
        let rule = |number: u64| {
            let offset = 8 + 8 * (number % 2) as i32;
            Compact::of(&Rule::of(Cfa::Register { register: 7, offset }))
        };
        let most = MOST_ROWS as u64;
        source.begin();
        (0..most).for_each(|at| source.row(at..at + 1, rule(at)));
        assert!(!source.is_full());
        source.row(most..most + 1, rule(most));
        assert!(source.is_full());
        // The last one's rule again.
        source.row(most + 1..most + 2, rule(most + 1));
        source.end();
        assert_eq!((source.rows.len() as u64, source.covered().last().unwrap().end), (most, most));
    }
}

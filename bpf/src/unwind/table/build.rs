//! From the sources of a file to its table.

use std::collections::HashMap;

use super::source::{Piece, Row, number};
use super::{Code, PAGE_BITS, Source, Table, Tally};
use crate::unwind::rule::Compact;

/// A piece of one of the sources.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    end: u32,
    source: usize,
    piece: Piece,
}

impl Table {
    /// Joins the sources of a file. Where two cover an address, the earlier one in the list has its way; within a source
    /// the piece that starts later.
    pub fn build(code: &Code, sources: &[&Source]) -> Self {
        let mut parts = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            if source.code() == code {
                parts = fill(parts, in_order(index, source));
            }
        }
        let mut tally = Tally::default();
        sources.iter().for_each(|source| tally.add(source.tally()));
        let mut rows = Rows::new(code, &parts, sources);
        for part in &parts {
            rows.part(part, sources[part.source]);
        }
        rows.close(code, tally)
    }
}

/// A source's pieces, sorted and apart.
fn in_order(index: usize, source: &Source) -> Vec<Part> {
    let part = |&piece: &Piece| Part { start: piece.start, end: piece.end, source: index, piece };
    let mut parts: Vec<Part> = source.pieces.iter().map(part).collect();
    parts.sort_by_key(|part| part.start);
    parts.dedup_by_key(|part| part.start);
    for at in 1..parts.len() {
        let start = parts[at].start;
        let before = &mut parts[at - 1];
        before.end = before.end.min(start);
    }
    parts
}

/// Puts the parts of `more` where `parts` leave gaps.
fn fill(parts: Vec<Part>, more: Vec<Part>) -> Vec<Part> {
    if parts.is_empty() {
        return more;
    }
    let mut filled = Vec::with_capacity(parts.len() + more.len());
    let mut more = more.into_iter().peekable();
    let mut free = 0;
    for part in parts.iter().map(Some).chain([None]) {
        let until = part.map_or(u32::MAX, |part| part.start);
        while let Some(next) = more.peek_mut().filter(|next| next.start < until) {
            let (start, end) = (next.start.max(free), next.end.min(until));
            if start < end {
                filled.push(Part { start, end, ..*next });
            }
            if next.end > until {
                next.start = until;
                break;
            }
            more.next();
        }
        if let Some(&part) = part {
            filled.push(part);
            free = part.end;
        }
    }
    filled
}

/// A table in the making.
struct Rows {
    directory: Vec<u32>,
    rows: Vec<u32>,
    rules: Vec<Compact>,
    numbers: HashMap<Compact, u32>,
    /// The table's number of each rule of each source.
    renumbered: Vec<Vec<u32>>,
    /// The rule that holds at the end of what was written, and where that is.
    rule: u32,
    end: u32,
}

impl Rows {
    fn new(code: &Code, parts: &[Part], sources: &[&Source]) -> Self {
        let pages = ((code.end() - code.base() - 1) >> PAGE_BITS) as usize + 1;
        let rows = parts.iter().map(|part| (part.piece.last - part.piece.first + 1) as usize).sum();
        let mut directory = Vec::with_capacity(pages + 1);
        directory.push(0);
        Self {
            directory,
            rows: Vec::with_capacity(rows),
            rules: vec![Compact::NONE],
            numbers: HashMap::from([(Compact::NONE, 0)]),
            renumbered: sources.iter().map(|source| vec![u32::MAX; source.rules.len()]).collect(),
            rule: 0,
            end: 0,
        }
    }

    fn part(&mut self, part: &Part, source: &Source) {
        let rows = &source.rows[part.piece.first as usize..part.piece.last as usize];
        // A part may begin within its piece.
        let skipped = rows.partition_point(|row| row.at <= part.start).saturating_sub(1);
        if part.start > self.end {
            self.row(self.end, 0);
        }
        for &Row { at, rule } in rows[skipped..].iter().take_while(|row| row.at < part.end) {
            let rule = self.renumber(part.source, rule, source);
            self.row(at.max(part.start), rule);
        }
        self.end = part.end;
    }

    fn renumber(&mut self, source: usize, rule: u32, from: &Source) -> u32 {
        let known = &mut self.renumbered[source][rule as usize];
        if *known == u32::MAX {
            *known = number(from.rules[rule as usize], &mut self.rules, &mut self.numbers);
        }
        *known
    }

    /// From `at` on, this rule holds.
    fn row(&mut self, at: u32, rule: u32) {
        if rule == self.rule {
            return;
        }
        self.open_pages(at);
        let row = at & 0xffff | rule << 16;
        // A page that was just opened with the rule of the page before, which ends with that page.
        let opened = self.directory.last().map_or(0, |&first| first as usize);
        match self.rows[opened..].last_mut().filter(|last| **last & 0xffff == row & 0xffff) {
            Some(last) => *last = row,
            None => self.rows.push(row),
        }
        self.rule = rule;
    }

    /// Opens all pages up to that of an offset, each with the rule that holds.
    fn open_pages(&mut self, at: u32) {
        while self.directory.len() <= (at >> PAGE_BITS) as usize {
            self.directory.push(self.rows.len() as u32);
            if self.rule != 0 {
                self.rows.push(self.rule << 16);
            }
        }
    }

    fn close(mut self, code: &Code, tally: Tally) -> Table {
        let last = code.offset(code.end() - 1);
        if self.end >> PAGE_BITS <= last >> PAGE_BITS {
            self.row(self.end, 0);
        }
        self.open_pages(last);
        self.directory.push(self.rows.len() as u32);
        self.rows.shrink_to_fit();
        Table {
            base: code.base(),
            directory: self.directory,
            rows: self.rows,
            rules: self.rules,
            tally,
        }
    }
}

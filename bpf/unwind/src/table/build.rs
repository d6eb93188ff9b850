//! From the sources of a file to its table.

use std::collections::HashMap;

use super::source::{Piece, number};
use super::{Code, PAGE_BITS, Source, Table};
use crate::rule::Compact;

/// A piece of one of the sources, or what is left of it.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    end: u32,
    source: u32,
    piece: u32,
}

impl Table {
    /// Joins the sources of a file. Where two cover an address, the earlier one in the list has its way; within a source
    /// the function that starts later (or the part of it: longer ones are kept in pieces of 64 KiB), up to its end.
    pub fn build(code: &Code, sources: &[&Source]) -> Self {
        let mut parts = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            if source.code() == code {
                parts = fill(parts, in_order(index, source));
            }
        }
        let mut rows = Rows::new(code, sources);
        for part in &parts {
            rows.part(part, sources);
        }
        rows.close(code)
    }
}

/// A source's pieces, sorted and apart.
fn in_order(index: usize, source: &Source) -> Vec<Part> {
    let part = |(piece, &Piece { start, end, .. }): (usize, _)| Part {
        start,
        end,
        source: index as u32,
        piece: piece as u32,
    };
    let mut parts: Vec<Part> = source.pieces.iter().enumerate().map(part).collect();
    if !parts.is_sorted_by_key(|part| part.start) {
        parts.sort_unstable_by_key(|part| (part.start, part.piece));
    }
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
    out: Written,
    rules: Vec<Compact>,
    /// The table's number of each rule of each source.
    renumbered: Vec<Vec<u32>>,
}

/// The rows written.
struct Written {
    directory: Vec<u32>,
    rows: Vec<u32>,
    /// The rule that holds behind the last row.
    rule: u32,
    /// The end of the last part.
    end: u32,
}

impl Rows {
    fn new(code: &Code, sources: &[&Source]) -> Self {
        let pages = ((code.end() - code.base() - 1) >> PAGE_BITS) as usize + 1;
        // One more a piece for the gap behind it; what is not written costs nothing.
        let rows = sources.iter().map(|source| source.rows.len() + source.pieces.len()).sum();
        let mut directory = Vec::with_capacity(pages + 1);
        directory.push(0);
        let (mut rules, mut numbers) = (vec![Compact::NONE], HashMap::from([(Compact::NONE, 0)]));
        let mut renumber = |source: &&Source| {
            source.rules.iter().map(|&rule| number(rule, &mut rules, &mut numbers)).collect()
        };
        let renumbered = sources.iter().map(&mut renumber).collect();
        let out = Written { directory, rows: Vec::with_capacity(rows), rule: 0, end: 0 };
        Self { out, rules, renumbered }
    }

    fn part(&mut self, part: &Part, sources: &[&Source]) {
        let source = sources[part.source as usize];
        let piece = &source.pieces[part.piece as usize];
        let rows = &source.rows[piece.first as usize..piece.last as usize];
        let at = |row: u32| piece.start + (row & 0xffff);
        // A part may begin and end within its piece.
        let (mut first, mut last) = (0, rows.len());
        if part.start != piece.start {
            first = rows.partition_point(|&row| at(row) <= part.start).saturating_sub(1);
        }
        if part.end != piece.end {
            last = rows.partition_point(|&row| at(row) < part.end);
        }
        let Some((&row, rows)) = rows.get(first..last).and_then(<[u32]>::split_first) else {
            return;
        };
        if part.start > self.out.end {
            self.out.row(self.out.end, 0);
        }
        let rules = &self.renumbered[part.source as usize];
        let rule = |row: u32| rules[(row >> 16) as usize];
        self.out.row(part.start, rule(row));
        self.out.open_pages(part.start);
        let page = |row: u32| at(row) >> PAGE_BITS;
        if rows.last().is_some_and(|&last| page(last) == part.start >> PAGE_BITS) {
            // Within a page, neighbours always differ, so nothing else needs to be compared.
            let row = |&row: &u32| (at(row) & 0xffff) | rule(row) << 16;
            self.out.rows.extend(rows.iter().map(row));
            self.out.rule = self.out.rows.last().map_or(0, |last| last >> 16);
        } else {
            rows.iter().for_each(|&row| self.out.row(at(row), rule(row)));
        }
        self.out.end = part.end;
    }

    fn close(self, code: &Code) -> Table {
        let mut out = self.out;
        let last = code.offset(code.end() - 1);
        if out.end >> PAGE_BITS <= last >> PAGE_BITS {
            out.row(out.end, 0);
        }
        out.open_pages(last);
        out.directory.push(out.rows.len() as u32);
        out.rows.shrink_to_fit();
        Table { base: code.base(), directory: out.directory, rows: out.rows, rules: self.rules }
    }
}

impl Written {
    /// From `at` on, this rule holds.
    #[inline]
    fn row(&mut self, at: u32, rule: u32) {
        if rule == self.rule {
            return;
        }
        if (at >> PAGE_BITS) as usize >= self.directory.len() {
            self.open_pages(at);
        }
        let row = at & 0xffff | rule << 16;
        // A page that was just opened with the rule of the page before, which ends with that page.
        match self.rows.last_mut() {
            Some(last) if at & 0xffff == 0 && self.rule != 0 => *last = row,
            _ => self.rows.push(row),
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
}

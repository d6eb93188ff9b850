//! A file's rules as the kernel program searches them: pages of rows, and a list of unique rules.

mod build;
mod code;
mod source;
mod tally;

pub use code::{Code, NotCode};
pub use source::Source;
pub use tally::Tally;

use std::ops::Range;

use crate::rule::{Compact, Rule};

/// Bits of an address inside a page.
pub const PAGE_BITS: u32 = 16;

/// A file's rules by virtual address.
///
/// The span from [`Table::base`] is divided into pages of 64 KiB. `directory` has the index of each page's first row, and one entry
/// more. A row has four bytes: the lower half is the low 16 bits of the first address to which it applies, the upper half the index of
/// its rule. A row applies up to the next one. Rule 0 means no rule; there is also none before the first row of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    base: u64,
    directory: Vec<u32>,
    rows: Vec<u32>,
    rules: Vec<Compact>,
}

impl Table {
    /// The rule at a virtual address, found as the kernel program finds it; `None` if there is none.
    pub fn look_up(&self, address: u64) -> Option<Rule> {
        let offset = address.checked_sub(self.base)?;
        let page = usize::try_from(offset >> PAGE_BITS).ok()?;
        let first = *self.directory.get(page)? as usize;
        let last = *self.directory.get(page.checked_add(1)?)? as usize;
        let low = offset as u32 & 0xffff;
        let rows = self.rows.get(first..last)?;
        let below = rows.partition_point(|row| row & 0xffff <= low);
        let row = *rows.get(below.checked_sub(1)?)?;
        self.rules.get((row >> 16) as usize)?.rule()
    }

    /// The first virtual address of the first page.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The index of each page's first row, and the number of rows at the end.
    pub fn directory(&self) -> &[u32] {
        &self.directory
    }

    /// All rows, page by page.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The unique rules; the first is no rule.
    pub fn rules(&self) -> &[Compact] {
        &self.rules
    }

    /// Bytes of directory, rows and rules.
    pub fn memory(&self) -> usize {
        size_of_val(&*self.directory) + size_of_val(&*self.rows) + size_of_val(&*self.rules)
    }

    /// Ranges with a rule, in the order of their addresses. None reaches beyond its page.
    pub fn ranges(&self) -> impl Iterator<Item = (Range<u64>, Compact)> {
        let pages = self.directory.windows(2).enumerate();
        pages.flat_map(move |(page, ends)| {
            let rows = self.rows.get(ends[0] as usize..ends[1] as usize).unwrap_or_default();
            let base = self.base + ((page as u64) << PAGE_BITS);
            let ends = rows.iter().skip(1).map(|row| row & 0xffff).chain([1 << PAGE_BITS]);
            rows.iter().zip(ends).filter_map(move |(row, end)| {
                let rule = *self.rules.get((row >> 16) as usize)?;
                let range = base + u64::from(row & 0xffff)..base + u64::from(end);
                (rule != Compact::NONE).then_some((range, rule))
            })
        })
    }
}

#[cfg(test)]
mod tests;

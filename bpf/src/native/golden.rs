//! Stopped processes in files: registers, memory, mappings, rules, and the expected stack.

mod text;

use super::{Snapshot, Walked, Walker};
use crate::sampler::{CodeMapping, Installed, SpaceName, Way};
use crate::unwind::rule::Compact;
use crate::unwind::table::{Code, Source, Table};
use crate::{Flags, Trust};
use std::io;
use std::ops::Range;

/// A stopped process and its expected stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// The process, and the mode of the walk.
    pub snapshot: Snapshot,
    /// Its code, by address.
    pub mappings: Vec<Mapping>,
    /// The expected flags of the walk.
    pub flags: Flags,
    /// The expected frames, leaf first.
    pub frames: Vec<Found>,
}

/// A mapping of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The addresses.
    pub range: Range<u64>,
    /// The knowledge about the mapping.
    pub known: Known,
}

/// The knowledge about a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has rules for these addresses.
    Rules(Vec<(Range<u64>, Compact)>),
    /// It has no rules.
    NoRules,
    /// It was made at run time.
    Made,
    /// Nothing is known yet.
    Nothing,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its address.
    pub address: u64,
    /// The way in which it is found.
    pub trust: Trust,
    /// The name of the function, for people who read the file.
    pub name: String,
}

impl Known {
    /// The table of a mapping's rules.
    fn table(&self, range: &Range<u64>) -> Option<Table> {
        let Self::Rules(rules) = self else { return None };
        let code = Code::new([range.clone()]).ok()?;
        let mut source = Source::new(&code);
        for (range, rule) in rules {
            rule.rule().into_iter().for_each(|rule| source.push(range.clone(), &rule));
        }
        Some(Table::build(&code, &[&source]))
    }
}

impl Golden {
    /// Walks the stack by the programs.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn walk(&self) -> io::Result<Walked> {
        let mut walker = Walker::new()?;
        let tables = walker.tables();
        let install = |mapping: &Mapping| match mapping.known.table(&mapping.range) {
            Some(table) => tables.install(&table),
            None => Ok(None),
        };
        let installed: Vec<Option<Installed>> =
            self.mappings.iter().map(install).collect::<io::Result<_>>()?;
        let mappings: Vec<CodeMapping<'_>> = self
            .mappings
            .iter()
            .zip(&installed)
            .map(|(mapping, table)| {
                let way = match (&mapping.known, table) {
                    (Known::Rules(_), Some(table)) => Way::Rules { table, bias: 0 },
                    (Known::NoRules, _) => Way::FramePointers,
                    (Known::Made, _) => Way::RunTime,
                    _ => Way::Unknown,
                };
                CodeMapping { start: mapping.range.start, end: mapping.range.end, way }
            })
            .collect();
        let mut owner = self.snapshot.process;
        owner = SpaceName { pid: self.snapshot.parent.unwrap_or(owner.pid), ..owner };
        if !walker.tables().set_space(owner, &mappings, &[])? {
            return Err(io::Error::from(io::ErrorKind::OutOfMemory));
        }
        Ok(walker.sample(&self.snapshot))
    }
}

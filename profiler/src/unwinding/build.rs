//! From an open file to its unwind table.

mod loaded;
mod sources;

use bpf::unwind::table::{Code, NotCode, Source, Table};
use elf::Bytes;
use sources::File;
use std::fs;
use std::ops::Range;
use symbolizer::name::own_vdso;

/// What is read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Its own tables.
    Tables,
    /// And the code that they do not cover.
    Code,
}

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Built {
    /// Its rules.
    Table {
        /// They themselves.
        table: Box<Table>,
        /// Whether disassembly might add some.
        more: bool,
    },
    /// It has none: its code is walked by frame pointer.
    NoRules,
    /// Its code spans 4 GiB, or its rules are more than is read: it is walked by frame pointer, and that is said.
    TooLarge,
}

/// The table of a file's executable segments (virtual addresses).
pub(crate) fn table(file: &fs::File, code: &[Range<u64>], depth: Depth) -> Built {
    build(Bytes::File(file), code, depth).unwrap_or(Built::NoRules)
}

/// The table of the vDSO, the same in every process; its virtual addresses count from its first byte.
pub(crate) fn vdso() -> Option<Table> {
    let bytes = own_vdso()?;
    let whole = 0..bytes.len() as u64;
    match build(Bytes::Memory(&bytes), &[whole], Depth::Code)? {
        Built::Table { table, .. } => Some(*table),
        Built::NoRules | Built::TooLarge => None,
    }
}

/// Where two sources cover an address, the earlier one has its way. Code that none of a file's own tables covers is
/// disassembled, or walked by frame pointer where it is more than assembly and sets them up; a file without any has no rules.
fn build(bytes: Bytes<'_>, code: &[Range<u64>], depth: Depth) -> Option<Built> {
    if matches!(Code::new(code.iter().cloned()), Err(NotCode::TooWide)) {
        return Some(Built::TooLarge);
    }
    let file = File::parse(bytes, code)?;
    let own = file.eh_frame().or_else(|| file.debug_frame());
    let ends = own.as_ref().and_then(|own| file.ends(own));
    let mut sources: Vec<Source> = file.go().into_iter().chain(own).collect();
    if sources.is_empty() {
        return file.has_too_much().then_some(Built::TooLarge);
    }
    let uncovered = file.uncovered(&sources);
    sources.splice(0..0, ends);
    sources.push(file.signal_return(&uncovered));
    let framed = file.framed(&uncovered);
    let followed = framed.is_none() && !uncovered.is_empty();
    if followed && depth == Depth::Code {
        sources.push(file.synthesised(&uncovered));
    }
    sources.extend(framed);
    let table = Table::build(&file.code, &sources.iter().collect::<Vec<_>>());
    let more = followed && depth == Depth::Tables;
    Some(Built::Table { table: Box::new(table), more })
}

#[cfg(test)]
mod tests;

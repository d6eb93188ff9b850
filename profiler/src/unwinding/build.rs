//! From an open file to its unwind table.

mod interpreter;
mod loaded;
mod sources;

use bpf::unwind::table::{Code, NotCode, Source, Table};
use elf::Bytes;
pub(crate) use interpreter::{Interpreter, version_read};
use sources::File;
use std::fs;
use std::ops::Range;
use symbolizer::name::own_vdso;

/// The parts of a file that are read for its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The file's own unwind tables.
    Tables,
    /// The own tables, and the disassembly of code that they do not cover.
    Code,
}

/// The result of building a file's table.
#[derive(Debug)]
pub(crate) enum Built {
    /// The file has rules.
    Table {
        /// The table of these rules.
        table: Box<Table>,
        /// Whether disassembly may add rules.
        more: bool,
        /// The interpreter in the file.
        interpreter: Option<Box<Interpreter>>,
    },
    /// The file has no rules: its code is walked by frame pointer.
    NoRules,
    /// The code spans 4 GiB or more, or the sections of rules exceed their limit. The code is walked by frame pointer,
    /// and a warning says so.
    TooLarge,
}

/// Builds the table for a file's executable segments, given as virtual addresses.
pub(crate) fn table(file: &fs::File, code: &[Range<u64>], depth: Depth) -> Built {
    build(Bytes::File(file), code, depth).unwrap_or(Built::NoRules)
}

/// Builds the table of the vDSO, which is the same in every process. Its virtual addresses count from its first byte.
pub(crate) fn vdso() -> Option<Table> {
    let bytes = own_vdso()?;
    let whole = 0..bytes.len() as u64;
    match build(Bytes::Memory(&bytes), &[whole], Depth::Code)? {
        Built::Table { table, .. } => Some(*table),
        Built::NoRules | Built::TooLarge => None,
    }
}

/// Builds a table from all sources. If two sources cover an address, the earlier one decides. Code that none of the
/// file's own tables covers is disassembled; if there is too much of it to be assembly, and it sets up frame pointers,
/// it is walked by them. A file without any table has no rules.
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
    let interpreter = file.interpreter(&uncovered).map(Box::new);
    sources.splice(0..0, ends);
    let v8 = interpreter.as_ref().filter(|found| found.is_v8()).map(|_| file.v8(&uncovered));
    sources.extend(v8.as_ref().map(|v8| v8.rules(&file.code)));
    sources.push(file.signal_return(&uncovered));
    sources.extend(file.start(&uncovered));
    let framed = file.framed(&uncovered);
    let followed = framed.is_none() && !uncovered.is_empty();
    if followed && depth == Depth::Code {
        sources.push(file.synthesised(&uncovered));
    }
    sources.extend(framed);
    if let Some(v8) = v8 {
        sources.extend(file.v8_built_in(&v8, &uncovered));
        sources.push(file.all_framed(&uncovered));
    }
    let table = Table::build(&file.code, &sources.iter().collect::<Vec<_>>());
    let more = followed && depth == Depth::Tables;
    Some(Built::Table { table: Box::new(table), more, interpreter })
}

#[cfg(test)]
mod tests;

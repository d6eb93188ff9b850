//! Names for places.

use crate::place::{MappedFile, Place, Reason};
use crate::process::ProcessTable;

/// One function at an address: the function that the code lies in, or one that was inlined there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// Its demangled name; for code without a symbol `libfoo.so+0x1230` from the start of its range.
    pub name: String,
    /// Its linkage name.
    pub system_name: String,
    /// Source file, empty where not known.
    pub file: String,
    /// Line of the address in that file, from 1; 0 where not known.
    pub line: u32,
    /// Whether it was inlined into the next line of the list.
    pub inlined: bool,
}

/// What is known of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Innermost first; the last one is the function that the code lies in. Empty: no name at all.
    pub lines: Vec<Line>,
    /// The module for code outside mapped files: `[kernel]`, a kernel module as `[ext4]`, `[bpf]`, `[vdso]`,
    /// `[jit]`; empty for mapped files.
    pub module: String,
    /// Why there is no name, or only that of a range (`libfoo.so+0x1230`).
    pub reason: Option<Reason>,
}

/// How names are made.
#[derive(Clone, Debug, Default)]
pub struct NameOptions {
    /// Leave inlined functions out.
    pub no_inline: bool,
    /// Where debug files are fetched from: debuginfod servers; empty: none.
    pub debuginfod: Vec<String>,
}

/// One foreign file was spoilt, and the reason; counted, for the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which file.
    pub file: String,
    /// What was wrong with it, as in "DWARF is malformed".
    pub what: String,
}

/// Gives names to places.
pub trait Symbolize {
    /// Names for places, in their order. Never fails: what is not known has its reason.
    fn names(&mut self, table: &ProcessTable, places: &[Place]) -> Vec<Named>;

    /// What was wrong with foreign files so far.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

/// Names from this machine's files and kernel.
#[derive(Debug, Default)]
pub struct LocalSymbolizer {}

impl LocalSymbolizer {
    /// Reads nothing yet.
    pub fn new(_options: NameOptions) -> Self {
        Self::default()
    }

    /// Names for virtual addresses of one file, for `report` too.
    pub fn file(&mut self, _file: &MappedFile, addresses: &[u64]) -> Vec<Named> {
        addresses
            .iter()
            .map(|_| Named { lines: Vec::new(), module: String::new(), reason: Some(Reason::NoSymbol) })
            .collect()
    }
}

impl Symbolize for LocalSymbolizer {
    fn names(&mut self, _table: &ProcessTable, places: &[Place]) -> Vec<Named> {
        places
            .iter()
            .map(|_| Named { lines: Vec::new(), module: String::new(), reason: Some(Reason::NoSymbol) })
            .collect()
    }
}

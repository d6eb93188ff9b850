//! Names for places.
//!
//! [`LocalSymbolizer`] asks this machine's files and kernel, [`RawAddresses`] leaves user files unnamed. Both
//! work in batches: all addresses of a file are looked up together, sorted, each once, and what was read of
//! the file is dropped before the next one. The parsers are pure functions on bytes. In reading order:
//! `sorted` (places by kind), `local` (each kind's names), `file` (one file: `work` has the sources in their order), `kernel`, [`perfmap`], `vdso`.

mod build_ids;
mod cache;
mod demangle;
mod file;
mod interpreted;
mod kernel;
mod lines;
mod local;
pub mod perfmap;
mod raw;
mod reopen;
mod sorted;
#[cfg(test)]
mod tests;
mod vdso;

pub use demangle::{demangle, text};
pub use file::go::go_table;
pub use file::{gopclntab, ranges, symtab};
pub use kernel::kallsyms;
pub use kernel::names::AskKernel;
pub use local::LocalSymbolizer;
pub use raw::RawAddresses;
pub use vdso::own_vdso;

use crate::place::{Place, Reason};
use crate::process::ProcessTable;
use crate::warning::Warning;

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

/// The names of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Innermost first; the last one is the function that the code lies in. Empty: no name at all.
    pub lines: Vec<Line>,
    /// The module for code outside mapped files: `[kernel]`, a kernel module as `[ext4]`, `[bpf]`, `[vdso]`,
    /// `[jit]`, an interpreter as `[python]`; empty for mapped files.
    pub module: String,
    /// The reason why there is no name, or only that of a range (`libfoo.so+0x1230`).
    pub reason: Option<Reason>,
}

impl Named {
    /// No name, and why.
    pub(crate) fn nameless(module: &str, reason: Reason) -> Self {
        Self { lines: Vec::new(), module: module.to_owned(), reason: Some(reason) }
    }

    /// The name of code outside mapped files, if there is one; else `reason`.
    pub(crate) fn in_module(module: &str, name: Option<String>, reason: Reason) -> Self {
        let Some(name) = name else { return Self::nameless(module, reason) };
        let (system_name, file) = (name.clone(), String::new());
        let line = Line { name, system_name, file, line: 0, inlined: false };
        Self { lines: vec![line], module: module.to_owned(), reason: None }
    }
}

/// Options for naming.
#[derive(Clone, Debug, Default)]
pub struct NameOptions {
    /// Leave inlined functions out.
    pub no_inline: bool,
    /// The debuginfod servers to download debug files from; empty: none.
    pub debuginfod: Vec<String>,
}

/// Gives names to places.
pub trait Symbolize {
    /// Names for places, in their order. Never fails: what is not known has its reason.
    fn names(&mut self, table: &ProcessTable, places: &[Place]) -> Vec<Named>;

    /// A new cut begins: time limits begin anew, and names may be kept for later cuts.
    fn begin_cut(&mut self) {}

    /// The defects of foreign files so far.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

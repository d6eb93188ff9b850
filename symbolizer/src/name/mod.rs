//! Names for places.
//!
//! [`LocalSymbolizer`] asks this machine's files and kernel, [`RawAddresses`] leaves user files unnamed. Both work in
//! batches: all addresses of a file are looked up together, sorted, each once. The contents of a file are dropped before
//! the next file is read.
//!
//! Modules in reading order: `texts` (names in memory), `sorted` (places by kind), `local` (the names of each kind), `run_time` (those of run-time code), [`ask`] (what
//! strangers made is named elsewhere), `early` (names during a recording), `kernel`, `vdso`.

pub mod ask;
mod cache;
mod demangle;
mod early;
mod kernel;
pub(crate) mod lines;
mod local;
mod raw;
pub(crate) mod reopen;
mod run_time;
mod sorted;
#[cfg(test)]
mod tests;
mod texts;
mod vdso;

pub use demangle::{demangle, text};
pub use kernel::kallsyms;
pub use kernel::names::AskKernel;
pub use local::LocalSymbolizer;
pub use raw::RawAddresses;
pub(crate) use texts::MOST_TEXTS;
pub use texts::{Text, Texts};
pub use vdso::own_vdso;

use crate::place::{Place, Reason};
use crate::process::ProcessTable;
use crate::warning::Warning;
use std::time::Duration;

/// A function at an address: the function that contains the code, or one that was inlined there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// Its demangled name; for code without a symbol the start of its range, as in `libfoo.so+0x1230`.
    pub name: Text,
    /// Its linkage name.
    pub system_name: Text,
    /// Source file; empty if unknown.
    pub file: Text,
    /// Line of the address in that file, from 1; 0 if unknown.
    pub line: u32,
    /// Line at which the function begins, from 1; 0 if unknown.
    pub start: u32,
    /// Whether it was inlined into the next line of the list.
    pub inlined: bool,
    /// Whether the line, or what was inlined, is near the position and not at it: nobody has kept it exactly.
    pub approximate: bool,
    /// Whether a runtime has compiled it. An interpreter's place does not tell.
    pub compiled: bool,
}

/// The names of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The functions, innermost first. The last one is the function that contains the code. Empty: there is no name; without a reason, there
    /// is nothing to show.
    pub lines: Vec<Line>,
    /// The module for code outside mapped files: `[kernel]`, a kernel module as `[ext4]`, `[bpf]`, `[vdso]`,
    /// `[jit]`, an interpreter as `[python]`; empty for mapped files.
    pub module: String,
    /// The reason why there is no name, or only the name of a range (`libfoo.so+0x1230`).
    pub reason: Option<Reason>,
}

impl Named {
    /// No name, and why.
    pub(crate) fn nameless(module: &str, reason: Reason) -> Self {
        Self { lines: Vec::new(), module: module.to_owned(), reason: Some(reason) }
    }

    /// The name of code outside mapped files, if there is one; else `reason`.
    pub(crate) fn in_module(module: &str, name: Option<Text>, reason: Reason) -> Self {
        let Some(name) = name else { return Self::nameless(module, reason) };
        let (system_name, file) = (name.clone(), Text::default());
        let line = Line { name, system_name, file, ..Line::default() };
        Self { lines: vec![line], module: module.to_owned(), reason: None }
    }
}

/// Options for naming.
#[derive(Clone, Debug)]
pub struct NameOptions {
    /// Whether inlined functions are left out.
    pub no_inline: bool,
    /// The debuginfod servers to download debug files from; empty: none.
    pub debuginfod: Vec<String>,
    /// The time for all names of a cut.
    pub time: Duration,
}

impl Default for NameOptions {
    fn default() -> Self {
        Self { no_inline: false, debuginfod: Vec::new(), time: Self::TIME }
    }
}

impl NameOptions {
    /// The time for all names of a cut, if nothing else was asked for.
    pub const TIME: Duration = Duration::from_secs(60);
}

/// The usage of another process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU nanoseconds.
    pub cpu_time: u64,
    /// The most anonymous memory seen, in bytes.
    pub anonymous: u64,
}

/// Gives names to places.
pub trait Symbolize: std::fmt::Debug {
    /// The names of places, in their order. It never fails: an unknown name has its reason.
    fn names(&mut self, table: &ProcessTable, places: &[Place]) -> Vec<Named>;

    /// Begins a new cut. Time limits start again, and names may be kept for later cuts.
    fn begin_cut(&mut self) {}

    /// Has places named soon whose names may be gone at the end of the cut, because they come from the memory of a process. Nobody waits for
    /// them. `remains` may name those whose object is gone by then. Returns whether there are any.
    fn name_early(
        &mut self,
        _: &ProcessTable,
        _: &[Place],
        remains: Vec<(Place, crate::runtime::Remains)>,
    ) -> bool {
        drop(remains);
        false
    }

    /// The usage of another process that makes the names.
    fn usage(&self) -> Usage {
        Usage::default()
    }

    /// The defects of foreign files so far.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

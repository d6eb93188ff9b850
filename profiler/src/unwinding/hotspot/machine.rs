//! A Java virtual machine's own description of itself, read once.

use super::codelets::Interpreter;
use super::facts;
use super::memory::{Memory, Reader};
use super::symbols::Symbols;
use bpf::RuntimeFacts;
use std::ops::Range;
use symbolizer::runtime::hotspot::cache::Cache;
use symbolizer::runtime::hotspot::layout::Layout;

/// The description, which stays the same as long as a process runs one program.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) cache: Cache,
    /// The pieces of the interpreter, if the version describes them.
    pub(super) interpreter: Option<Interpreter>,
    /// What the walk of the interpreter's frames needs, if the version describes it.
    pub(super) frames: Option<RuntimeFacts>,
    /// The addresses of the library's data.
    pub(super) data: Vec<Range<u64>>,
}

impl Machine {
    /// Reads the description from a process whose library has these symbols.
    pub(super) fn of(
        memory: &dyn Memory,
        symbols: &Symbols,
        data: Vec<Range<u64>>,
    ) -> Option<Self> {
        let symbol = |name: &str| symbols.0.get(name).copied();
        let layout = Layout::read(&Reader::new(memory), &symbol)?;
        Some(Self {
            cache: Cache::of(&layout)?,
            interpreter: Interpreter::of(&layout),
            frames: facts::frames(&layout),
            data,
        })
    }
}

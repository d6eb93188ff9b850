//! A Java virtual machine's own description of itself, read once.

use super::codelets;
use super::heaps::Fields;
use super::layout::{Layout, Symbols};
use super::memory::{Memory, Reader};
use bpf::RuntimeFacts;
use std::ops::Range;

/// The description, which stays the same as long as a process runs one program.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) fields: Fields,
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
        let layout = Layout::read(&Reader::new(memory), symbols)?;
        Some(Self { fields: Fields::of(&layout)?, frames: codelets::frames(&layout), data })
    }
}

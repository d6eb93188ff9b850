//! Names of ranges of run-time code. Code moves and memory is reused, so the later one of two overlapping ranges is right.

use crate::name::{Named, Text};
use crate::place::Reason;
use std::io;
use std::ops::ControlFlow;

/// The most steps of work on overlapping ranges.
const MOST_STEPS: u64 = 1 << 24;

/// Reads bytes as a file of them would be read.
pub(super) fn reading(bytes: &[u8]) -> impl FnMut(u64, &mut [u8]) -> io::Result<usize> {
    |offset, buffer| {
        let rest = usize::try_from(offset).ok().and_then(|start| bytes.get(start..));
        io::Read::read(&mut rest.unwrap_or_default(), buffer)
    }
}

/// The names of an address space's run-time code.
pub(super) fn named(names: Vec<Option<Text>>) -> Vec<Named> {
    let name = |name| Named::in_module("[jit]", name, Reason::NoJitEntry);
    names.into_iter().map(name).collect()
}

/// The names of the sorted addresses that are asked for, by the ranges so far.
#[derive(Debug)]
pub(super) struct Overlapping<'a> {
    addresses: &'a [u64],
    names: Vec<Option<Text>>,
    steps: u64,
}

impl<'a> Overlapping<'a> {
    /// No range so far.
    pub(super) fn of(addresses: &'a [u64]) -> Self {
        Self { addresses, names: vec![None; addresses.len()], steps: 0 }
    }

    /// Names a range; `None`: it has no name of its own. It breaks when that was too much work.
    pub(super) fn add(
        &mut self,
        start: u64,
        size: u64,
        name: impl FnOnce() -> Option<Text>,
    ) -> ControlFlow<()> {
        let first = self.addresses.partition_point(|&address| address < start);
        let end = start.saturating_add(size);
        let len = self.addresses[first..].partition_point(|&address| address < end);
        if len > 0 {
            self.names[first..first + len].fill(name());
            self.steps += len as u64;
        }
        if self.steps > MOST_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The names, by address.
    pub(super) fn names(self) -> Vec<Option<Text>> {
        self.names
    }
}

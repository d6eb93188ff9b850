//! The steps of processing a batch. Each step has its own type, so that the wrong order does not compile.
//!
//! First the samples are marked by what the unwind tables knew when they were taken (`Marked`). Then the process table applies the
//! batch (`Applied`). Only then the unwind tables may follow.

use super::run_time_code::Codes;
use bpf::Window;

/// A batch whose samples are marked, and the run-time code that they went through.
#[derive(Debug)]
pub(crate) struct Marked<'a>(&'a Window, Codes);

impl<'a> Marked<'a> {
    /// Marks a batch.
    pub(crate) fn by(batch: &'a mut Window, mark: impl FnOnce(&mut Window) -> Codes) -> Self {
        let codes = mark(batch);
        Self(batch, codes)
    }

    /// A batch whose stacks were not walked by rules: there is nothing to mark.
    pub(crate) fn as_it_is(batch: &'a Window) -> Self {
        Self(batch, Codes::default())
    }

    /// The batch.
    pub(crate) fn batch(&self) -> &'a Window {
        self.0
    }

    /// The run-time code of its samples.
    pub(crate) fn codes(&self) -> &Codes {
        &self.1
    }
}

/// The process table has applied a batch.
#[derive(Debug)]
#[must_use = "the unwind tables follow"]
pub(crate) struct Applied(());

impl Applied {
    /// Applies a batch.
    pub(super) fn after(apply: impl FnOnce()) -> Self {
        apply();
        Self(())
    }
}

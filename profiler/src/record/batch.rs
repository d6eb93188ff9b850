//! What has become of a batch: each step has its own type, so that no later one can come first.
//!
//! A batch's samples are marked by what the unwind tables knew when they were taken (`Marked`), before the process table
//! learns what is new in it (`Applied`); only then the unwind tables may follow.

use bpf::Window;

/// A batch whose samples are marked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marked<'a>(&'a Window);

impl<'a> Marked<'a> {
    /// By this.
    pub(crate) fn by(batch: &'a mut Window, mark: impl FnOnce(&mut Window)) -> Self {
        mark(batch);
        Self(batch)
    }

    /// Where no stacks are walked by rules there is nothing to mark.
    pub(crate) fn as_it_is(batch: &'a Window) -> Self {
        Self(batch)
    }

    /// The batch.
    pub(crate) fn batch(self) -> &'a Window {
        self.0
    }
}

/// The process table knows what the batch knows.
#[derive(Debug)]
#[must_use = "the unwind tables follow"]
pub(crate) struct Applied(());

impl Applied {
    /// After this.
    pub(super) fn after(apply: impl FnOnce()) -> Self {
        apply();
        Self(())
    }
}

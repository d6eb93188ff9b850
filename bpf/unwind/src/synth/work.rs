//! The work done, and its limit.

use std::cell::Cell;

/// The instructions that may be examined for each byte of uncovered code, and a minimum for little code.
const EFFORT: u64 = 24;
const LEAST: u64 = 400_000;
/// And at most.
const MOST: u64 = 20_000_000;

/// The number of examined instructions, and its limit.
#[derive(Debug)]
pub(super) struct Work {
    done: Cell<u64>,
    most: u64,
}

impl Work {
    /// The limit for this many bytes of uncovered code.
    pub(super) fn on(bytes: u64) -> Self {
        Self { done: Cell::new(0), most: bytes.saturating_mul(EFFORT).clamp(LEAST, MOST) }
    }

    /// One more instruction.
    pub(super) fn step(&self) {
        self.done.set(self.done.get() + 1);
    }

    #[cfg(test)]
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// Instructions that were looked at.
    pub(super) fn done(&self) -> u64 {
        self.done.get()
    }

    /// Whether the limit is reached.
    pub(super) fn is_over(&self) -> bool {
        self.done.get() >= self.most
    }
}

//! How much was done, and how much may be.

use std::cell::Cell;

/// Instructions that may be looked at, for each byte of uncovered code that is followed; and some for little code.
const EFFORT: u64 = 24;
const LEAST: u64 = 400_000;
/// And at most.
const MOST: u64 = 20_000_000;

/// Instructions that were looked at, of as many as may be.
#[derive(Debug)]
pub(super) struct Work {
    done: Cell<u64>,
    most: u64,
}

impl Work {
    /// As much as so many bytes of uncovered code account for.
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

    /// Whether no more may be done.
    pub(super) fn is_over(&self) -> bool {
        self.done.get() >= self.most
    }
}

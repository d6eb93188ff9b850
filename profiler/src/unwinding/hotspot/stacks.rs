//! The stacks of a process, as far as they are in its code cache.

use bpf::{Frame, Stack, StackId};
use std::collections::HashMap;

/// The most addresses that are kept of a process's stacks. Each stack counts as a few more.
const MOST_KEPT: usize = 2 << 20;
const KEPT_BESIDE: usize = 4;

/// What is kept of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The addresses.
    pub(super) addresses: Box<[u64]>,
    /// The numbers of the methods that were at some of them, sorted by address.
    pub(super) checks: Box<[(u64, u32)]>,
}

impl Known {
    /// The number of the method that was at an address; `None`: it is not known.
    pub(super) fn check(&self, address: u64) -> Option<u32> {
        let found = self.checks.binary_search_by_key(&address, |(at, _)| *at).ok()?;
        Some(self.checks[found].1)
    }
}

/// The addresses in the code cache, of each stack of a process. They are kept because a window brings a stack's frames
/// only once, and the code may be replaced later.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    known: HashMap<StackId, Known>,
    kept: usize,
}

impl Stacks {
    /// Keeps the addresses of a stack that `holds` accepts. Beyond the bound, it keeps nothing.
    pub(super) fn note(&mut self, stack: &Stack, holds: impl Fn(u64) -> bool) {
        if self.known.contains_key(&stack.id) || self.kept >= MOST_KEPT {
            return;
        }
        let places = stack.frames.iter().map(Frame::lookup);
        let addresses: Box<[u64]> = places.filter(|address| holds(*address)).collect();
        let mut checks = stack.checks.clone();
        checks.sort_unstable();
        let checks = checks.into_boxed_slice();
        self.kept += addresses.len() + 2 * checks.len() + KEPT_BESIDE;
        self.known.insert(stack.id, Known { addresses, checks });
    }

    /// What is kept of a stack; `None`: nothing.
    pub(super) fn get(&self, id: StackId) -> Option<&Known> {
        self.known.get(&id)
    }

    /// Forgets all stacks.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::HEAP;
    use super::*;
    use crate::record::testing::stack;

    #[test]
    fn no_more_stacks_are_kept_than_the_bound() {
        let mut stacks = Stacks { kept: MOST_KEPT - 1, ..Stacks::default() };
        (1..4).for_each(|id| stacks.note(&stack(id, &[HEAP]), |_| true));
        assert_eq!(stacks.known.len(), 1);
    }
}

//! Samples that are held back for a later window, and their stacks.

use crate::{Sample, Stack, Window};
use std::collections::{HashMap, HashSet};

/// The most ids of handed-over stacks that are remembered (16 MB). Beyond that, all are forgotten.
const KNOWN_STACKS: usize = 1 << 20;

/// Samples that no window had yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    samples: Vec<Sample>,
    /// Their stacks, if no window had them.
    stacks: HashMap<u64, Stack>,
    /// The stacks that a window had.
    known: HashSet<u64>,
}

impl Held {
    /// Holds a sample back, with its stacks.
    pub(super) fn add(&mut self, sample: Sample, stacks: impl Iterator<Item = Stack>) {
        self.samples.push(sample);
        let new = stacks.filter(|stack| !self.known.contains(&stack.id.0));
        self.stacks.extend(new.map(|stack| (stack.id.0, stack)));
    }

    /// Moves the samples up to this time into the window, sorted by time, and each new stack with its first sample.
    pub(super) fn hand_over(&mut self, window: &mut Window, until: u64) {
        self.samples.sort_by_key(|sample| sample.time);
        let ready = self.samples.partition_point(|sample| sample.time <= until);
        for sample in self.samples.drain(..ready) {
            for id in [sample.kernel.0, sample.user.0] {
                if let Some(stack) = self.stacks.remove(&id) {
                    self.known.insert(id);
                    window.stacks.push(stack);
                }
            }
            window.samples.push(sample);
        }
        if self.known.len() > KNOWN_STACKS {
            self.known.clear();
        }
    }

    /// Forgets which stacks were handed over. Each one is handed over again when it next comes.
    pub(super) fn forget_stacks(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddressSpace, Comm, Flags, StackId};

    /// Holds a sample at this time back, with a user stack.
    fn add(held: &mut Held, time: u64, user: u64) {
        let (kernel, user) = (StackId(0), StackId(user));
        let space = AddressSpace { pid: 1, start: 1, exec: 0 };
        let sample = Sample {
            time,
            cpu: 0,
            event: 0,
            space,
            tid: 1,
            weight: 1,
            words: [0; 2],
            kernel,
            user,
            comm: Comm::default(),
            cgroup: 0,
            flags: Flags::default(),
        };
        held.add(
            sample,
            std::iter::once(Stack { id: user, frames: Vec::new(), checks: Vec::new() }),
        );
    }

    /// The times and the stacks of the window up to a time.
    fn window(held: &mut Held, until: u64) -> (Vec<u64>, Vec<u64>) {
        let mut window = Window::default();
        held.hand_over(&mut window, until);
        let times = window.samples.iter().map(|sample| sample.time).collect();
        (times, window.stacks.iter().map(|stack| stack.id.0).collect())
    }

    #[test]
    fn a_stack_comes_with_its_first_sample() {
        let mut held = Held::default();
        for (time, user) in [(12, 1), (5, 2), (20, 3), (8, 2), (11, 2)] {
            add(&mut held, time, user);
        }
        assert_eq!(window(&mut held, 10), (vec![5, 8], vec![2]));
        add(&mut held, 13, 2);
        assert_eq!(window(&mut held, 13), (vec![11, 12, 13], vec![1]));
        held.forget_stacks();
        add(&mut held, 14, 2);
        assert_eq!(window(&mut held, u64::MAX), (vec![14, 20], vec![2, 3]));
    }
}

//! Marks samples that were walked by the rules of replaced code: another file was mapped in its place, and the kernel's
//! tables did not know that yet.

use bpf::{Flags, Sample, SideBand, SideBandKind, Stack, StackId, Window};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// New code in the place of other code.
#[derive(Debug)]
struct Replaced {
    pid: u32,
    addresses: Range<u64>,
    /// The time of the new mapping, CLOCK_MONOTONIC nanoseconds.
    since: u64,
    /// The time at which the tables knew of it.
    until: Option<u64>,
}

/// The code that was replaced lately.
#[derive(Debug, Default)]
pub(super) struct Replacements {
    recent: Vec<Replaced>,
}

impl Replacements {
    /// Adds a window's new mappings that take the place of other code, as `replaces` tells, and marks the window's
    /// samples.
    pub(super) fn mark(&mut self, window: &mut Window, replaces: impl Fn(&SideBand) -> bool) {
        for record in &window.side_band {
            let SideBandKind::Mmap { start, len, .. } = &record.kind else { continue };
            if replaces(record) {
                self.recent.push(Replaced {
                    pid: record.pid,
                    addresses: *start..start.saturating_add(*len),
                    since: record.time,
                    until: None,
                });
            }
        }
        if self.recent.is_empty() {
            return;
        }
        let stacks: HashMap<StackId, &Stack> = window.stacks.iter().map(|s| (s.id, s)).collect();
        for sample in &mut window.samples {
            if self.recent.iter().any(|replaced| replaced.touches(sample, &stacks)) {
                sample.flags = sample.flags.with(Flags::STALE);
            }
        }
        self.recent.retain(|replaced| replaced.until.is_none());
    }

    /// Forgets the processes that have ended.
    pub(super) fn remove_all_but(&mut self, alive: &HashSet<u32>) {
        self.recent.retain(|replaced| alive.contains(&replaced.pid));
    }

    /// Notes that from now on the tables of these processes are as their mappings are.
    pub(super) fn settle(&mut self, pids: &HashSet<u32>, now: u64) {
        for replaced in self.recent.iter_mut().filter(|replaced| pids.contains(&replaced.pid)) {
            replaced.until.get_or_insert(now);
        }
    }
}

impl Replaced {
    /// Whether a sample was taken in between and went through the code, or may have. The frames of a stack from an
    /// earlier window are not known here.
    fn touches(&self, sample: &Sample, stacks: &HashMap<StackId, &Stack>) -> bool {
        sample.space.pid == self.pid
            && sample.time >= self.since
            && self.until.is_none_or(|until| sample.time < until)
            && sample.user != StackId(0)
            && stacks.get(&sample.user).is_none_or(|stack| {
                stack.frames.iter().any(|frame| self.addresses.contains(&frame.address))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::testing::{SPACE, mmap, sample, stack};

    fn stale(window: &Window) -> Vec<bool> {
        window.samples.iter().map(|sample| sample.flags.has(Flags::STALE)).collect()
    }

    fn window(times: &[u64]) -> Window {
        Window {
            stacks: vec![stack(1, &[0x1010, 0x5010]), stack(2, &[0x9010])],
            samples: times.iter().flat_map(|t| [sample(*t, 1, 0), sample(*t, 2, 0)]).collect(),
            ..Window::default()
        }
    }

    #[test]
    fn samples_between_a_mapping_and_its_tables_are_marked() {
        let mut replacements = Replacements::default();
        let mut first = Window { side_band: vec![mmap(10, 0x5000, 5)], ..window(&[9, 10, 11]) };
        replacements.mark(&mut first, |_| true);
        assert_eq!(stale(&first), [false, false, true, false, true, false]);
        replacements.settle(&HashSet::from([SPACE.pid]), 20);
        let mut second = window(&[19, 20]);
        replacements.mark(&mut second, |_| true);
        assert_eq!(stale(&second), [true, false, false, false]);
        let mut third = window(&[19]);
        replacements.mark(&mut third, |_| true);
        assert_eq!(stale(&third), [false, false]);
    }

    #[test]
    fn what_is_not_known_to_be_right_is_marked() {
        let mut replacements = Replacements::default();
        let mut seen = Window { side_band: vec![mmap(10, 0x5000, 5)], ..window(&[9, 11]) };
        seen.stacks.clear();
        seen.samples.push(sample(12, 0, 0));
        replacements.mark(&mut seen, |_| true);
        assert_eq!(stale(&seen), [false, false, true, true, false]);
    }

    #[test]
    fn what_replaces_nothing_marks_nothing() {
        let mut replacements = Replacements::default();
        let mut first = Window { side_band: vec![mmap(10, 0x5000, 5)], ..window(&[11]) };
        replacements.mark(&mut first, |_| false);
        replacements.settle(&HashSet::from([SPACE.pid]), 20);
        assert_eq!(stale(&first), [false, false]);
    }
}

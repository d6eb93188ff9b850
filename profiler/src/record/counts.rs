//! Counts: samples by key, and by event.

use super::stacks::{PlacedStack, Stacks};
use bpf::{Comm, Event, Flags, Rate, Sample, Unit};
use output::timeline::Times;
use std::collections::HashMap;
use symbolizer::Space;

/// The key of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The process's address space; none for the idle task and for foreign tasks.
    pub space: Option<Space>,
    /// The process id.
    pub pid: u32,
    /// The user stack.
    pub user: Option<PlacedStack>,
    /// The kernel stack.
    pub kernel: Option<PlacedStack>,
    /// The thread; 0 if threads are not distinguished.
    pub tid: u32,
    /// The thread's name; empty if threads are not distinguished.
    pub comm: Comm,
    /// The index of the event in the recording's list.
    pub event: u16,
    /// The flags of the samples.
    pub flags: Flags,
}

/// A count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Samples.
    pub samples: u64,
    /// Their weight, in the event's unit.
    pub weight: u64,
}

/// The counts of a cut.
#[derive(Debug, Default)]
pub(crate) struct StackCounts {
    /// The stacks.
    pub stacks: Stacks,
    /// The counts.
    pub counts: HashMap<Key, Count>,
    /// The samples of all counts.
    pub samples: u64,
    /// The samples and the weight of each event. The list is shorter than that of the events if the last events have no
    /// samples.
    pub events: Vec<Count>,
    /// The samples whose stack never came.
    pub stack_missing: u64,
    /// The samples for which there was no memory left.
    pub memory_full: u64,
    /// The names of main threads, by process id, as the samples had them. They serve processes whose name the table
    /// does not know.
    pub main_names: HashMap<u32, Comm>,
    /// The time of the first sample, CLOCK_MONOTONIC nanoseconds.
    pub first: Option<u64>,
    /// The time of the last sample.
    pub last: Option<u64>,
    /// The times of the samples since the first one, in microseconds, if times are kept. A sample for whose time there
    /// was no memory has none.
    pub times: Option<HashMap<Key, Times>>,
}

impl StackCounts {
    /// The samples and the weight of an event.
    pub(crate) fn of_event(&self, event: usize) -> Count {
        self.events.get(event).copied().unwrap_or_default()
    }

    /// Adds a sample to the figures of its event.
    pub(crate) fn add(&mut self, sample: &Sample) {
        let event = usize::from(sample.event);
        if self.events.len() <= event {
            self.events.resize(event + 1, Count::default());
        }
        self.events[event].add(sample.weight);
        self.samples += 1;
        self.first.get_or_insert(sample.time);
        self.last = Some(sample.time);
    }
}

impl Count {
    /// Adds a sample.
    pub(crate) fn add(&mut self, weight: u64) {
        self.samples += 1;
        self.weight = self.weight.saturating_add(weight);
    }

    /// The value of one unit of the weight. The timer's cycles are no time: the kernel's account, in nanoseconds, is
    /// divided among them. Without an account, each sample stands for one period.
    pub(crate) fn scale(self, event: &Event, accounted: Option<u64>) -> f64 {
        match event.rate {
            Rate::Hertz(hertz) if event.unit == Unit::Cycles && self.weight > 0 => {
                let ticks = self.samples as f64 * 1e9 / f64::from(hertz.max(1));
                accounted.map_or(ticks, |time| time as f64) / self.weight as f64
            }
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_time_and_cycles_are_not() {
        let event = |unit, rate| Event { name: String::from("event"), unit, rate };
        let timer = |unit| event(unit, Rate::Hertz(100));
        let count = Count { samples: 10, weight: 1_000_000 };
        assert_eq!(count.scale(&timer(Unit::Nanoseconds), Some(5)), 1.0);
        // Half a second of account over a million cycles.
        assert_eq!(count.scale(&timer(Unit::Cycles), Some(500_000_000)), 500.0);
        // Ten samples at 100 Hz are a tenth of a second.
        assert_eq!(count.scale(&timer(Unit::Cycles), None), 100.0);
        assert_eq!(count.scale(&event(Unit::Cycles, Rate::Every(1_000)), Some(5)), 1.0);
    }
}

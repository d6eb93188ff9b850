//! The sizes of maps and rings, and the interval of draining them.

use crate::events::Source;
use crate::skeleton::sampler::types::{cache, ids, limits, slot};
use std::time::Duration;

/// The expected words of a sample, beyond the first few: head, and stacks of common depth. A sample whose stacks its slot has stored since
/// the last drain takes only the head.
const COMMON_WORDS: u64 = 256;
/// The number of longest records that always fit into a log.
const LONGEST_RECORDS: u64 = 28;
/// A log is one value of a map, and Linux 5.10 allows values of up to 4 MiB.
const LOG_WORDS: std::ops::RangeInclusive<u64> = 4096..=1 << 18;
/// The most bytes of all logs together.
const BUDGET: u64 = 32 << 20;

/// The sizes of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// The number of CPUs, which are numbered from 0.
    pub(crate) cpus: u32,
    /// The most runs that can be under way on a CPU at a time.
    pub(crate) slots_a_cpu: u32,
    /// The words of a log, a power of two.
    pub(crate) log_words: u64,
    /// The pages of a CPU's side-band ring, a power of two.
    pub(crate) ring_pages: usize,
    /// The entries for the target's ids. The whole machine needs none.
    pub(crate) id_entries: u32,
    /// The longest time between drains.
    pub(crate) drain_every: Duration,
}

impl Sizes {
    /// The sizes for this many CPUs and these events.
    pub(crate) fn choose(cpus: u32, events: &[Source]) -> Self {
        let frequency = events.iter().fold(0, |all: u32, event| all.saturating_add(event.room));
        let beside: u32 = events.iter().map(|event| event.beside).sum();
        Self::for_samples(cpus, frequency, (1 + beside).min(limits::MOST_SLOTS.0))
    }

    /// The sizes for this many CPUs, samples per second and CPU, and runs at a time.
    fn for_samples(cpus: u32, frequency: u32, slots_a_cpu: u32) -> Self {
        let every: u64 = if frequency <= 250 { 200 } else { 100 };
        let samples = u64::from(frequency) * every / 1000 + 1;
        let wanted = (samples * COMMON_WORDS)
            .max(samples.min(LONGEST_RECORDS) * u64::from(limits::RECORD_MOST.0));
        let share = BUDGET / 8 / u64::from(2 * cpus * slots_a_cpu).max(1);
        // This is rounded down, so that the budget holds.
        let most = if share.is_power_of_two() { share } else { share.next_power_of_two() / 2 };
        let log_words =
            wanted.next_power_of_two().min(most).clamp(*LOG_WORDS.start(), *LOG_WORDS.end());
        let drain_every =
            Duration::from_millis(every * log_words / wanted.next_power_of_two().max(log_words))
                .max(Duration::from_millis(20));
        let ring_pages = if cpus <= 16 { 128 } else { 32 };
        let id_entries = limits::ID_ENTRIES.0;
        Self { cpus, slots_a_cpu, log_words, ring_pages, id_entries, drain_every }
    }

    /// The slots of all CPUs. Each slot has a log in both generations.
    pub(crate) fn slots(self) -> u32 {
        self.cpus * self.slots_a_cpu
    }

    /// The logs of both generations.
    pub(crate) fn logs(self) -> u32 {
        2 * self.slots()
    }

    /// The bytes of one log in its map.
    pub(crate) fn log_bytes(self) -> usize {
        8 * (1 + self.log_words as usize + limits::LOG_HEADROOM.0 as usize)
    }

    /// The bytes of the map of the target's ids, one for each id.
    pub(crate) fn target_bytes(self) -> usize {
        size_of::<ids>() * self.id_entries as usize
    }

    /// The bytes of all maps together.
    pub(crate) fn bytes(self) -> usize {
        self.log_bytes() * self.logs() as usize
            + self.target_bytes()
            + (size_of::<slot>() + size_of::<cache>()) * self.slots() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_records_of_a_usual_recording_fit() {
        let sizes = Sizes::for_samples(2, 99, 1);
        assert!(sizes.log_words >= 20 * u64::from(limits::RECORD_MOST.0));
        assert!(Sizes { id_entries: 1, ..sizes }.bytes() < 2 << 20);
    }

    #[test]
    fn many_cpus_and_high_frequencies_stay_in_the_budget() {
        let few = [(1, 1), (2, 5000), (2, 50_000), (64, 99)];
        let many = [(256, 99), (512, 10_000)];
        let one = few.iter().chain(&many).map(|of| (of, 1));
        for (&(cpus, frequency), slots) in one.chain(few.iter().map(|of| (of, 4))) {
            let sizes = Sizes::for_samples(cpus, frequency, slots);
            assert!(sizes.log_words.is_power_of_two());
            assert!(sizes.log_bytes() <= 4 << 20, "{cpus} CPUs, {frequency} Hz");
            assert!(sizes.bytes() < 64 << 20, "{cpus} CPUs: {} bytes", sizes.bytes());
            assert!(sizes.drain_every >= Duration::from_millis(20));
        }
    }
}

//! A finished recording.

use super::aggregate::StackCounts;
use crate::host::exit::Failure;
use bpf::{Cost, Event, Losses, Started, Unit};
use std::time::Duration;
use symbolizer::{ProcessTable, Warning};

/// The reason why a recording ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Its time was over.
    Time,
    /// A signal came.
    Signal(i32),
    /// All that is recorded is gone: the target's processes, or the command.
    Gone,
    /// The source has no more.
    Finished,
    /// The source failed; what came before is there.
    Failed(bpf::Error),
}

/// The result of a cut: everything since the previous cut, or since the start.
#[derive(Debug)]
pub(crate) struct Cut {
    /// The counts.
    pub counts: StackCounts,
    /// The losses.
    pub losses: Losses,
    /// CPU time as the kernel accounts it, in nanoseconds.
    pub accounted: Option<u64>,
    /// The duration.
    pub time: Duration,
    /// The time of the end, CLOCK_MONOTONIC nanoseconds.
    pub ended: u64,
}

/// A recording with one cut.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The cut: everything that was recorded.
    pub cut: Cut,
    /// The processes.
    pub table: ProcessTable,
    /// The reason for the end.
    pub end: End,
    /// Files without unwind tables though they have rules.
    pub without_table: Vec<Warning>,
    /// Whether it was stored, where it should be.
    pub stored: Result<(), Failure>,
    /// The events and CPUs of the sampler.
    pub started: Started,
    /// The cost of the BPF programs.
    pub cost: Cost,
}

impl Cut {
    /// Nanoseconds of CPU time that one unit of an event's weight stands for. Cycles are no time: what the kernel accounts
    /// is split over them, or where that is not known, each sample is a tick's worth.
    pub(crate) fn scale(&self, event: Option<&Event>) -> f64 {
        let Self { counts, accounted, .. } = self;
        let Some(event) = event else { return 1.0 };
        if event.unit == Unit::Nanoseconds || counts.weight == 0 {
            return 1.0;
        }
        let tick = event.rate.period().map_or(0, |period| period.as_nanos());
        let ticks = counts.samples as f64 * tick as f64;
        accounted.map_or(ticks, |time| time as f64) / counts.weight as f64
    }
}

impl Recorded {
    /// Whether a signal ended it.
    pub(crate) fn signalled(&self) -> bool {
        matches!(self.end, End::Signal(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpf::Rate;

    fn scale(unit: Unit, accounted: Option<u64>) -> f64 {
        let cut = Cut {
            counts: StackCounts { samples: 10, weight: 1_000_000, ..StackCounts::default() },
            losses: Losses::default(),
            accounted,
            time: Duration::from_secs(1),
            ended: 0,
        };
        cut.scale(Some(&Event { name: String::from("event"), unit, rate: Rate::Hertz(100) }))
    }

    #[test]
    fn nanoseconds_are_time_and_cycles_are_not() {
        assert_eq!(scale(Unit::Nanoseconds, Some(5)), 1.0);
        // Half a second of account over a million cycles.
        assert_eq!(scale(Unit::Cycles, Some(500_000_000)), 500.0);
        // Ten samples at 100 Hz are a tenth of a second.
        assert_eq!(scale(Unit::Cycles, None), 100.0);
    }
}

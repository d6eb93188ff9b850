//! The seam between the kernel and everything above it.

use crate::sample::{KeptObject, Sample, SideBand, Stack};
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

/// Everything since the last drain, complete up to a point in time: a sample's stacks, and every side-band record
/// before it, are in this window or an earlier one, or are counted as lost. If a run lost its CPU for long, its sample
/// comes late, and its time may be before the end of an earlier window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Stacks that no earlier window had, each with its first sample (a repetition is allowed and harmless).
    pub stacks: Vec<Stack>,
    /// Samples, sorted by time.
    pub samples: Vec<Sample>,
    /// Objects of interpreters at their first samples (a repetition is allowed and harmless). A recording that is stored has none.
    pub kept: Vec<KeptObject>,
    /// Side-band records, sorted by time.
    pub side_band: Vec<SideBand>,
    /// Whether side-band records were lost before the end of this window, so that maps must be read again.
    pub side_band_lost: bool,
}

impl Window {
    /// Empties the window and keeps its allocations.
    pub fn clear(&mut self) {
        self.stacks.clear();
        self.samples.clear();
        self.kept.clear();
        self.side_band.clear();
        self.side_band_lost = false;
    }
}

/// The causes of lost samples, as used in [`EventLosses::lost`].
pub const CAUSES: [&str; 6] = [NESTED, LOG_FULL, MISSED, MISSED_COUNTS, MALFORMED, UNFINISHED];
/// No slot was free: more runs were under way on the CPU than there are slots.
pub(crate) const NESTED: &str = "nested";
/// A CPU's log had no room left.
pub(crate) const LOG_FULL: &str = "stack memory full";
/// Ticks that the kernel did not deliver to a busy CPU: late timers, throttling, stolen time, a program that was
/// already running. Ticks that an idle CPU slept through are lost only if the idle task is sampled.
pub(crate) const MISSED: &str = "missed ticks";
/// Samples of events that the kernel counts: they were due and did not come, because a program was already running.
pub(crate) const MISSED_COUNTS: &str = "missed counts";
/// A run that had not ended at the end of the recording.
pub(crate) const UNFINISHED: &str = "unfinished";
/// Records that could not be read.
pub(crate) const MALFORMED: &str = "malformed record";

/// The figures of a source so far. Every loss has a counter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// The figures of each event, in the order of [`crate::Started::events`].
    pub events: Vec<EventLosses>,
    /// The number of records that could not be read. Their events are unknown.
    pub malformed: u64,
    /// The number of runs that had not ended at the end of the recording. Their events are unknown.
    pub unfinished: u64,
    /// The number of side-band records that the kernel dropped.
    pub side_band_lost: u64,
}

/// The figures of one event so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLosses {
    /// Lost samples by cause. The keys are from [`CAUSES`]; causes that did not occur are missing.
    pub lost: BTreeMap<&'static str, u64>,
    /// Runs of the sampling program, those in the idle task and outside the target included.
    pub runs: u64,
    /// Runs that hit the idle task.
    pub idle: u64,
    /// Runs that hit tasks outside bpflame's PID namespace.
    pub foreign: u64,
    /// Ticks that should have come: enabled time × frequency over all CPUs; 0 where it is not known.
    pub expected: u64,
}

impl Losses {
    /// Lost samples of all events by cause, and what belongs to none; only causes that happened.
    pub fn by_cause(&self) -> BTreeMap<&'static str, u64> {
        let mut all = self.of_no_event();
        for (cause, count) in self.events.iter().flat_map(|event| &event.lost) {
            *all.entry(*cause).or_default() += count;
        }
        all.retain(|_, count| *count > 0);
        all
    }

    /// Lost samples by cause, where it is not known which event they were of; only causes that happened.
    pub fn of_no_event(&self) -> BTreeMap<&'static str, u64> {
        let lost = [(MALFORMED, self.malformed), (UNFINISHED, self.unfinished)];
        lost.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// All lost samples together.
    pub fn total(&self) -> u64 {
        self.by_cause().values().sum()
    }

    /// The figures since an earlier time.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let none = EventLosses::default();
        let event = |(at, event): (usize, &EventLosses)| {
            event.since(earlier.events.get(at).unwrap_or(&none))
        };
        Self {
            events: self.events.iter().enumerate().map(event).collect(),
            malformed: self.malformed.saturating_sub(earlier.malformed),
            unfinished: self.unfinished.saturating_sub(earlier.unfinished),
            side_band_lost: self.side_band_lost.saturating_sub(earlier.side_band_lost),
        }
    }

    /// A figure of all events together.
    pub fn sum(&self, of: impl Fn(&EventLosses) -> u64) -> u64 {
        self.events.iter().map(of).sum()
    }
}

impl EventLosses {
    /// The figures since an earlier time. A figure that is estimated may fall; then nothing was added.
    fn since(&self, earlier: &Self) -> Self {
        let added = |(cause, count): (&&'static str, &u64)| {
            let before = earlier.lost.get(cause).copied().unwrap_or(0);
            (*cause, count.saturating_sub(before))
        };
        Self {
            lost: self.lost.iter().map(added).filter(|(_, count)| *count > 0).collect(),
            runs: self.runs.saturating_sub(earlier.runs),
            idle: self.idle.saturating_sub(earlier.idle),
            foreign: self.foreign.saturating_sub(earlier.foreign),
            expected: self.expected.saturating_sub(earlier.expected),
        }
    }
}

/// A source of samples: the live sampler, or a replay of a recording.
pub trait SampleSource {
    /// Clears `window` and fills it with the data since the last call. Takes some milliseconds; does not wait for samples.
    ///
    /// # Errors
    /// When the source itself failed; earlier windows stay valid.
    fn drain(&mut self, window: &mut Window) -> Result<(), crate::Error>;

    /// Ends sampling and fills `window` with the remaining data. Call this once.
    ///
    /// # Errors
    /// As [`SampleSource::drain`].
    fn stop(&mut self, window: &mut Window) -> Result<(), crate::Error>;

    /// Hands over stacks anew: the next windows have every stack of their samples, even if an earlier window had it. A sample of a later
    /// window may have a stack that only the next one hands over.
    fn forget_stacks(&mut self);

    /// The figures so far; final after [`SampleSource::stop`].
    fn losses(&self) -> Losses;

    /// Descriptors that become readable when there are many side-band records, so that waiting longer would leave new code without unwind
    /// tables; empty if no wake-up is needed.
    fn wakes(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    /// Whether nothing more can come (a replay at its end, no CPU left to sample).
    fn finished(&self) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_since_is_told_for_each_event() {
        let event = |runs, nested, missed| EventLosses {
            lost: [(NESTED, nested), (MISSED, missed)].into(),
            runs,
            ..EventLosses::default()
        };
        let earlier =
            Losses { events: vec![event(5, 1, 7)], malformed: 1, unfinished: 0, side_band_lost: 2 };
        let now = Losses {
            events: vec![event(9, 4, 6), event(3, 1, 0)],
            malformed: 1,
            unfinished: 3,
            side_band_lost: 4,
        };
        let since = now.since(&earlier);
        assert_eq!(since.events[0].runs, 4);
        assert_eq!(
            since.events[0].lost,
            [(NESTED, 3)].into(),
            "an estimate that fell added nothing"
        );
        assert_eq!(since.events[1], EventLosses { lost: [(NESTED, 1)].into(), ..event(3, 1, 0) });
        assert_eq!((since.malformed, since.unfinished, since.side_band_lost), (0, 3, 2));
    }
}

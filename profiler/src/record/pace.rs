//! When the next drain comes.

use super::drain_budget::DrainBudget;
use std::time::{Duration, Instant};

/// The first drain comes after this long, so that the maps of new processes are read early; each further one
/// after twice as long as the one before.
const FIRST_DRAIN: Duration = Duration::from_millis(10);
/// The longest time between two drains.
const DRAIN: Duration = Duration::from_millis(200);

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// At most.
    pub time: Duration,
    /// However much there is to be done, not less.
    pub rest: Duration,
}

/// The drains of a recording.
#[derive(Debug)]
pub(crate) struct Pace {
    begun: Instant,
    longest: Duration,
    pause: Duration,
    rest: Duration,
    budget: DrainBudget,
}

impl Pace {
    /// Begins now; the source allows this long between two drains.
    pub(crate) fn begin(drain_every: Duration) -> Self {
        let mut budget = DrainBudget::new();
        let rest = budget.after(Duration::ZERO, Duration::ZERO);
        let longest = DRAIN.min(drain_every);
        Self { begun: Instant::now(), longest, pause: FIRST_DRAIN, rest, budget }
    }

    /// How long it has been going.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// How long to wait for the next drain, of a recording of which so much time is left.
    pub(crate) fn wait(&mut self, left: Option<Duration>) -> Wait {
        let time = left.map_or(self.pause, |left| self.pause.min(left));
        self.pause = self.longest.min(self.pause * 2);
        Wait { time, rest: self.rest }
    }

    /// A drain took so much CPU time; the next one is to come `soon`, if there is a reason.
    pub(crate) fn drained(&mut self, work: Duration, soon: Option<Duration>) {
        self.pause = soon.map_or(self.pause, |soon| self.pause.min(soon));
        self.rest = self.budget.after(work, self.begun.elapsed());
    }
}

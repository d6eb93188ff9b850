//! The time between drains.

use super::drain_budget::DrainBudget;
use std::time::{Duration, Instant};

/// The time until the first drain, short so that the maps of new processes are read early. Each further drain waits twice as long as
/// the one before.
const FIRST_DRAIN: Duration = Duration::from_millis(10);
/// The longest time between two drains.
const DRAIN: Duration = Duration::from_millis(200);

/// The time to wait for the next drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The longest wait.
    pub time: Duration,
    /// The shortest wait, which keeps bpflame within its budget of CPU time.
    pub rest: Duration,
}

/// The times of a recording's drains.
#[derive(Debug)]
pub(crate) struct Pace {
    begun: Instant,
    longest: Duration,
    pause: Duration,
    rest: Duration,
    budget: DrainBudget,
}

impl Pace {
    /// Begins with the first drain of a recording that runs since `begun`. `drain_every` is the longest time between two drains that the
    /// source permits.
    pub(crate) fn begin(begun: Instant, drain_every: Duration) -> Self {
        let mut budget = DrainBudget::new();
        let rest = budget.after(Duration::ZERO, Duration::ZERO);
        let longest = DRAIN.min(drain_every);
        Self { begun, longest, pause: FIRST_DRAIN.min(longest), rest, budget }
    }

    /// The time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The time to wait for the next drain. `left` is the rest of the recording, if its duration is limited.
    pub(crate) fn wait(&mut self, left: Option<Duration>) -> Wait {
        let time = left.map_or(self.pause, |left| self.pause.min(left));
        self.pause = self.longest.min(self.pause * 2);
        Wait { time, rest: self.rest }
    }

    /// Notes a drain that took `work` of CPU time. The next drain comes after `soon` at the latest.
    pub(crate) fn drained(&mut self, work: Duration, soon: Option<Duration>) {
        self.pause = soon.map_or(self.pause, |soon| self.pause.min(soon));
        self.rest = self.budget.after(work, self.begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits for the first drains, each of which takes no time and asks for nothing.
    fn waits(drain_every: Duration) -> Vec<Duration> {
        let mut pace = Pace::begin(Instant::now(), drain_every);
        let wait = |pace: &mut Pace| {
            let wait = pace.wait(None).time;
            pace.drained(Duration::ZERO, None);
            wait
        };
        (0..8).map(|_| wait(&mut pace)).collect()
    }

    #[test]
    fn each_wait_is_twice_the_last_up_to_the_longest() {
        let of = |milliseconds: [u64; 8]| milliseconds.map(Duration::from_millis);
        assert_eq!(waits(Duration::MAX), of([10, 20, 40, 80, 160, 200, 200, 200]));
        assert_eq!(waits(Duration::from_millis(50)), of([10, 20, 40, 50, 50, 50, 50, 50]));
    }

    #[test]
    fn what_is_there_already_is_not_waited_for() {
        assert_eq!(waits(Duration::ZERO), [Duration::ZERO; 8]);
    }
}

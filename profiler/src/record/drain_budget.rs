//! The rest between two drains. It limits bpflame's CPU time, however many new programs wake it up.

use std::time::Duration;

/// The shortest rest.
const SHORTEST: Duration = Duration::from_micros(300);
/// The work may take one part in this many of the time.
const SHARE: u32 = 16;
/// The most work that may be saved up: one second's share.
const MOST: i64 = 1_000_000_000 / SHARE as i64;

/// A budget of CPU time. As long as it lasts, a new program is followed immediately. Many short programs use it up; then a rest follows
/// each drain to pay for it.
#[derive(Debug)]
pub(crate) struct DrainBudget {
    /// The nanoseconds of work that are saved up; below zero: the debt.
    balance: i64,
    /// The time of the last update since the start.
    at: Duration,
}

impl DrainBudget {
    /// A full budget.
    pub(crate) fn new() -> Self {
        Self { balance: MOST, at: Duration::ZERO }
    }

    /// The rest after a drain that took `work` of CPU time and ended at `now` since the start.
    pub(crate) fn after(&mut self, work: Duration, now: Duration) -> Duration {
        let earned = nanoseconds(now.saturating_sub(self.at) / SHARE);
        self.at = now;
        let left = self.balance.saturating_add(earned).min(MOST).saturating_sub(nanoseconds(work));
        // The debt is bounded, so that one long drain, as at the start, does not delay the programs of the next second.
        self.balance = left.max(-MOST);
        SHORTEST.max(Duration::from_nanos(self.balance.min(0).unsigned_abs()) * SHARE)
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Duration = Duration::from_millis(1);

    /// The rests after drains of one millisecond each that follow one another as early as allowed.
    fn rests(count: usize) -> Vec<Duration> {
        let (mut rest, mut now) = (DrainBudget::new(), Duration::ZERO);
        let mut after = || {
            now += WORK;
            let pause = rest.after(WORK, now);
            now += pause;
            pause
        };
        (0..count).map(|_| after()).collect()
    }

    #[test]
    fn what_comes_now_and_then_is_followed_at_once() {
        assert!(rests(50).iter().all(|rest| *rest == SHORTEST));
        let mut rest = DrainBudget::new();
        let seconds = (1..100).map(Duration::from_secs);
        assert!(seconds.map(|now| rest.after(WORK * 50, now)).all(|rest| rest == SHORTEST));
    }

    #[test]
    fn a_long_start_is_soon_forgotten() {
        let mut rest = DrainBudget::new();
        let long = rest.after(Duration::from_secs(2), Duration::from_secs(2));
        assert_eq!(long, Duration::from_secs(1));
        assert_eq!(rest.after(Duration::ZERO, Duration::from_secs(4)), SHORTEST);
    }

    #[test]
    fn what_never_ends_takes_its_share_and_no_more() {
        let all = rests(2000);
        let (last, total): (_, Duration) = (&all[1000..], all[1000..].iter().sum());
        assert!(last.iter().all(|rest| *rest > SHORTEST), "nothing is saved any more");
        let share = (total + WORK * 1000).as_secs_f64() / (WORK * 1000).as_secs_f64();
        assert!((f64::from(SHARE) - 1.5..f64::from(SHARE) + 1.5).contains(&share), "{share}");
    }
}

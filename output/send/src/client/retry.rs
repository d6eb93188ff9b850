//! Repeating requests: the waits and their clock.
//!
//! The wait doubles from half a second to half a minute. A random part, up to half of it, is subtracted, so that many senders do not
//! come back at the same time. If the backend asks for a longer wait (`Retry-After`), it gets it.

use crate::http::GLANCE;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The first wait, before jitter.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait, unless a backend asks for more.
const LONGEST: Duration = Duration::from_secs(30);

/// A clock, and waiting: the machine's, or a test's.
pub(super) trait Clock {
    /// Time since some start.
    fn now(&self) -> Duration;
    /// Seconds since 1970, for dates that a backend names.
    fn unix(&self) -> u64;
    /// A number from 0 up to 1.
    fn chance(&self) -> f64;
    /// Waits, and ends early if `stop` returns true.
    fn wait(&self, time: Duration, stop: &dyn Fn() -> bool);
}

/// The machine's clock.
#[derive(Debug)]
pub(super) struct Machine(Instant);

impl Machine {
    /// Starts now.
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Machine {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn chance(&self) -> f64 {
        // Each state of the standard library's hash maps has a random seed.
        let bits = RandomState::new().build_hasher().finish() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }

    fn wait(&self, time: Duration, stop: &dyn Fn() -> bool) {
        let end = Instant::now() + time;
        while !stop() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(GLANCE));
        }
    }
}

/// Waits that grow with each failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after another failure. `asked` is the wait that the backend asked for.
    pub(super) fn next(&mut self, chance: f64, asked: Option<Duration>) -> Duration {
        let whole = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let own = whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0);
        asked.map_or(own, |asked| asked.max(own))
    }
}

/// The wait that a `Retry-After` header asks for: seconds, or a date. `unix` is the time now in seconds since 1970. `None` if the value is
/// neither.
pub(crate) fn asked_time(value: &str, unix: u64) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(date.as_secs().saturating_sub(unix)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn waits(chance: f64) -> Vec<u128> {
        let mut backoff = Backoff::default();
        (0..9).map(|_| backoff.next(chance, None).as_millis()).collect()
    }

    #[test]
    fn waits_double_up_to_half_a_minute() {
        assert_eq!(waits(0.0), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn jitter_takes_off_up_to_half() {
        assert_eq!(waits(1.0), [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
        assert_eq!(waits(0.5)[..3], [375, 750, 1500]);
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.next(0.0, None), LONGEST);
        assert_eq!(backoff, Backoff { failures: u32::MAX });
    }

    #[test]
    fn a_backend_may_ask_for_more_but_not_for_less() {
        let seconds = Duration::from_secs;
        assert_eq!(Backoff::default().next(0.0, Some(seconds(90))), seconds(90));
        assert_eq!(Backoff::default().next(0.0, Some(seconds(0))), FIRST);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
        let seconds = |value: &str| asked_time(value, now).map(|asked| asked.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("99999999999999999999"), Some(u64::MAX));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a time that has passed");
        for neither in [
            "",
            "soon",
            "-1",
            "1.5",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 1994 +8:49:37 GMT",
        ] {
            assert_eq!(seconds(neither), None, "{neither}");
        }
    }

    #[test]
    fn waiting_ends_when_told() {
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > 2
        };
        // Would take a day.
        Machine::start().wait(Duration::from_secs(86_400), &stop);
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn chances_differ_and_stay_below_one() {
        let machine = Machine::start();
        let chances: Vec<f64> = (0..100).map(|_| machine.chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)), "{chances:?}");
        assert!(chances.windows(2).any(|pair| pair[0] != pair[1]), "{chances:?}");
    }
}

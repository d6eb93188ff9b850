//! Sends a profile to every receiver.

use super::amount::Amount;
use super::options::{Push, Receiver};
use super::{Outcome, Rest};
use crate::host::console::Console;
use crate::host::progress::Progress;
use crate::host::stop::Stop;
use output::Profile;
use output::tell::counted;
use send::{Endpoint, Part, Progress as Step, Series};
use std::panic::resume_unwind;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// The cause for a profile that was given up before the first attempt.
const GIVEN_UP: &str = "cancelled before the first attempt";

/// A profile with its series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    /// The profile to send.
    pub profile: &'a Profile,
    /// Its service name and labels.
    pub series: &'a Series,
}

/// Sends a profile to all receivers at the same time. Returns the outcomes in the order of the receivers.
///
/// If it sent to one after the other, a receiver that does not answer would delay the others by its whole time limit.
pub(crate) fn deliver(
    push: &Push,
    delivery: Delivery<'_>,
    stop: &Stop,
    progress: &Progress,
    console: Console,
) -> Vec<Outcome> {
    let one = |receiver: &Receiver| to_one(receiver, delivery, stop, progress, console);
    let outcomes = at_once(&push.receivers, one);
    progress.clear();
    outcomes
}

/// Works on each item in a thread of its own, and on the last one in this thread. Returns the results in the order of
/// the items.
fn at_once<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Copy + Send) -> Vec<R> {
    let Some((last, others)) = items.split_last() else { return Vec::new() };
    thread::scope(|scope| {
        let begin = |item| {
            let begun = thread::Builder::new().spawn_scoped(scope, move || work(item));
            // If no more threads can be started, this thread does the work.
            begun.map_err(|_| work(item))
        };
        let begun: Vec<_> = others.iter().map(begin).collect();
        let last = work(last);
        let ended = begun.into_iter().map(|begun| match begun {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(result) => result,
        });
        ended.chain([last]).collect()
    })
}

fn to_one(
    receiver: &Receiver,
    Delivery { profile, series }: Delivery<'_>,
    stop: &Stop,
    progress: &Progress,
    console: Console,
) -> Outcome {
    let (url, to) = (receiver.endpoint.to_string(), shown(&receiver.endpoint));
    if stop.given_up() {
        return Outcome::untried(&url, to, profile, String::from(GIVEN_UP));
    }
    if let Some(why) = send::stale(receiver.endpoint.backend, profile, now()) {
        console.warn(format_args!("→ {to}: {why}"));
    }
    let parts = match send::prepare(receiver.endpoint.backend, profile, series) {
        Ok(parts) => parts,
        Err(error) => return Outcome::untried(&url, to, profile, error.to_string()),
    };
    let outcome = begun(&url, &to, &parts);
    let tell = &mut |step: Step| progress.say(&words(&to, &step));
    let account = receiver.client.deliver(parts, &|| stop.given_up(), tell);
    let outcome = Outcome {
        delivered: account.delivered,
        doubts: account.doubts,
        advice: account.advice,
        attempts: account.attempts,
        bytes: account.bytes,
        ..outcome
    };
    outcome.with_failed(account.failed)
}

fn begun(url: &str, to: &str, parts: &[Part]) -> Outcome {
    let mut whole = Amount::default();
    parts.iter().for_each(|part| whole += Amount::of_part(part));
    Outcome {
        url: url.to_owned(),
        to: to.to_owned(),
        parts: parts.len(),
        delivered: 0,
        whole,
        missing: Amount::default(),
        attempts: 0,
        bytes: 0,
        causes: Vec::new(),
        doubts: Vec::new(),
        advice: Vec::new(),
        rest: Rest::Nothing,
    }
}

/// Nanoseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// `pyroscope at http://…`.
fn shown(endpoint: &Endpoint) -> String {
    format!("{} at {}", endpoint.backend, endpoint.base)
}

/// The progress line on a terminal.
fn words(to: &str, step: &Step) -> String {
    match step {
        Step::Part { done, of } => format!("→ {to}: {done} of {}", counted(*of as u64, "part")),
        Step::Waiting { cause, wait } => {
            format!("→ {to}: waiting {:.0} s because {cause}", wait.as_secs_f64().ceil())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn none_waits_for_another() {
        // Each thread goes on only after all have begun.
        let all = std::sync::Barrier::new(3);
        let results = at_once(&[1, 2, 3], |n| {
            all.wait();
            n * 10
        });
        assert_eq!(results, [10, 20, 30]);
        assert!(at_once(&[], |n: &u8| *n).is_empty());
    }

    #[test]
    fn steps_in_words() {
        let step = Step::Part { done: 1, of: 3 };
        assert_eq!(words("parca at http://x", &step), "→ parca at http://x: 1 of 3 parts");
        let cause = String::from("it answered 503");
        let step = Step::Waiting { cause, wait: Duration::from_millis(1_500) };
        assert_eq!(words("x", &step), "→ x: waiting 2 s because it answered 503");
    }
}

//! One delivery: the parts in order, each tried until it is delivered or has failed.

use super::account::{Account, Failed, Progress};
use super::retry::{Backoff, Clock, asked_time};
use crate::Part;
use crate::exchange::{Answer, Verdict};
use crate::http::{Attempt, Outcome, Reply};
use std::time::Duration;

/// The longest cause, in characters.
pub(super) const WORDS: usize = 500;

/// The number of remarks that are kept.
const ADVICE: usize = 5;

/// The slowest connection over which a large body still arrives in time, in bytes per second.
const SLOWEST: usize = 128 << 10;

/// A body as it is sent.
type Body = std::sync::Arc<[u8]>;

/// A delivery: its inputs, and the account so far. The network is behind `attempt`, so that tests need none.
pub(super) struct Delivery<'a> {
    /// Makes a part's body as it is sent.
    pub(super) open: &'a mut dyn FnMut(&Part) -> Body,
    /// Sends a body, and waits for the answer no longer than a time.
    pub(super) attempt: &'a mut dyn FnMut(&Body, Duration) -> Attempt,
    /// The verdict on an answer.
    pub(super) judge: &'a dyn Fn(&Answer) -> Verdict,
    /// Makes the text of an answer fit to be shown.
    pub(super) words: &'a dyn Fn(&str) -> String,
    pub(super) clock: &'a dyn Clock,
    /// Returns whether to give up.
    pub(super) stop: &'a dyn Fn() -> bool,
    /// Whether no credentials are sent.
    pub(super) anonymous: bool,
    /// The time for an attempt with a small body, and the time for all attempts.
    pub(super) limits: (Duration, Duration),
    pub(super) account: Account,
}

/// The fate of a part. A failed part may still have arrived, if an attempt got no answer.
enum Fate {
    Delivered,
    Failed(String, bool),
    /// Failed, and so do all parts after it.
    Over(String, bool),
}

/// The cause of parts after the delivery was stopped.
const STOPPED: &str = "cancelled";

/// The step after an attempt.
enum Step {
    Done(Fate),
    Again { cause: String, asked: Option<Duration> },
}

impl Delivery<'_> {
    /// Delivers parts in their order.
    pub(super) fn run(mut self, parts: Vec<Part>, progress: &mut dyn FnMut(Progress)) -> Account {
        let of = parts.len();
        let mut over = None;
        for (done, part) in parts.into_iter().enumerate() {
            progress(Progress::Part { done, of });
            let fate = match &over {
                Some(cause) => Fate::Failed(String::clone(cause), false),
                None => self.send(done + 1, &part, progress),
            };
            if let Fate::Over(cause, _) = &fate {
                over = Some(cause.clone());
            }
            match fate {
                Fate::Delivered => self.account.delivered += 1,
                Fate::Failed(cause, doubtful) | Fate::Over(cause, doubtful) => {
                    let perhaps = if doubtful { "; it may have arrived anyway" } else { "" };
                    self.account.failed.push(Failed { part, cause: cause + perhaps });
                }
            }
        }
        progress(Progress::Part { done: of, of });
        self.account
    }

    /// Tries a part until its fate is known.
    fn send(&mut self, number: usize, part: &Part, progress: &mut dyn FnMut(Progress)) -> Fate {
        let mut trial = Trial::start(number, self.clock);
        let mut body = None;
        loop {
            let left = self.limits.1.saturating_sub(self.clock.now());
            if (self.stop)() {
                return Fate::Over(STOPPED.to_owned(), trial.doubtful);
            }
            if left.is_zero() {
                let cause = format!("the time limit of {} s was reached", self.limits.1.as_secs());
                return Fate::Over(cause, trial.doubtful);
            }
            let body = body.get_or_insert_with(|| (self.open)(part));
            let time = self.limits.0 + Duration::from_secs((body.len() / SLOWEST) as u64);
            let attempt = (self.attempt)(body, left.min(time));
            trial.attempts += 1;
            self.account.attempts += 1;
            self.account.bytes += attempt.sent;
            trial.doubtful |= attempt.whole && is_open(&attempt.outcome);
            match self.step(&trial, attempt.outcome) {
                Step::Done(fate) => return fate,
                Step::Again { cause, asked } => {
                    let wait = trial.backoff.next(self.clock.chance(), asked);
                    let Some(wait) = self.fitting(wait, asked) else {
                        return Fate::Over(
                            trial.gave_up(&cause, asked, self.clock),
                            trial.doubtful,
                        );
                    };
                    progress(Progress::Waiting { cause, wait });
                    self.clock.wait(wait, self.stop);
                }
            }
        }
    }

    /// The wait, shortened to leave time for a last attempt unless the backend asked for it; `None` if no time is left.
    fn fitting(&self, wait: Duration, asked: Option<Duration>) -> Option<Duration> {
        let left = self.limits.1.saturating_sub(self.clock.now());
        if wait < left {
            return Some(wait);
        }
        let before_last = left.checked_sub(self.limits.0).filter(|wait| !wait.is_zero());
        before_last.filter(|before| asked.is_none_or(|asked| asked <= *before))
    }

    /// The step after an attempt at a part.
    fn step(&mut self, trial: &Trial, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Stopped => Step::Done(Fate::Over(STOPPED.to_owned(), trial.doubtful)),
            Outcome::Failed(failure) if failure.again => {
                Step::Again { cause: (self.words)(&failure.cause), asked: None }
            }
            Outcome::Failed(failure) => {
                Step::Done(Fate::Over((self.words)(&failure.cause), trial.doubtful))
            }
            Outcome::Answered(reply) => self.answered(trial, &reply),
        }
    }

    fn answered(&mut self, trial: &Trial, reply: &Reply) -> Step {
        let status = reply.answer.status;
        if let 300..=399 = status {
            let place = reply.location.as_ref().map(|place| format!(" to {place}"));
            let cause = format!(
                "the backend redirects{} (status {status}), and redirects are not followed: use that URL",
                place.unwrap_or_default()
            );
            return Step::Done(Fate::Over((self.words)(&cause), trial.doubtful));
        }
        match (self.judge)(&reply.answer) {
            Verdict::Retry(text) | Verdict::Refused(text) | Verdict::Partial(text)
                if matches!(status, 401 | 403 | 404 | 407) =>
            {
                let hint = match status {
                    401 if self.anonymous => "; no credentials were sent",
                    407 => "; a proxy asks for credentials",
                    _ => "",
                };
                Step::Done(Fate::Over((self.words)(&text) + hint, trial.doubtful))
            }
            Verdict::Delivered => Step::Done(self.delivered(trial)),
            Verdict::Advised(text) => {
                self.advised((self.words)(&text));
                Step::Done(self.delivered(trial))
            }
            Verdict::Partial(text) => {
                let cause = (self.words)(&text) + "; the rest of the part has arrived";
                Step::Done(Fate::Failed(cause, trial.doubtful))
            }
            Verdict::Refused(cause) => {
                Step::Done(Fate::Failed((self.words)(&cause), trial.doubtful))
            }
            Verdict::Retry(cause) => {
                let asked = reply.retry_after.as_ref();
                let asked = asked.and_then(|value| asked_time(value, self.clock.unix()));
                Step::Again { cause: (self.words)(&cause), asked }
            }
        }
    }

    fn advised(&mut self, text: String) {
        let advice = &mut self.account.advice;
        if advice.len() < ADVICE && !advice.contains(&text) {
            advice.push(text);
        }
    }

    fn delivered(&mut self, trial: &Trial) -> Fate {
        if trial.doubtful {
            self.account.doubts.push(format!(
                "part {} was sent again after an attempt without an answer: it may have arrived twice",
                trial.number
            ));
        }
        Fate::Delivered
    }
}

/// Whether the backend may have accepted the body.
fn is_open(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered(_) => false,
        // The others are errors of TLS, and servers that do not speak HTTP.
        Outcome::Failed(failure) => failure.again,
        Outcome::Stopped => true,
    }
}

/// The attempts at a part so far.
struct Trial {
    number: usize,
    attempts: usize,
    started: Duration,
    backoff: Backoff,
    /// Whether an attempt sent the whole part and got no answer: the part may have arrived.
    doubtful: bool,
}

impl Trial {
    fn start(number: usize, clock: &dyn Clock) -> Self {
        let backoff = Backoff::default();
        Self { number, attempts: 0, started: clock.now(), backoff, doubtful: false }
    }

    /// The last cause, with the number of attempts and their time.
    fn gave_up(&self, cause: &str, asked: Option<Duration>, clock: &dyn Clock) -> String {
        let asks = asked.map(|asked| format!("; it asks to wait {} s", asked.as_secs()));
        let attempts = if self.attempts == 1 { "attempt" } else { "attempts" };
        let time = clock.now().saturating_sub(self.started).as_secs();
        format!("{cause}{} ({} {attempts} in {time} s)", asks.unwrap_or_default(), self.attempts)
    }
}

#[cfg(test)]
mod tests;

//! One delivery: parts in order, each tried until its fate is known.

use super::{Account, Client, Failed, Progress};
use crate::send::http::{Attempt, Line, Outcome, Reply};
use crate::send::retry::{Backoff, Clock, asked};
use crate::send::{Answer, Part, Verdict};
use std::time::Duration;

/// Delivers over a line of its own.
pub(super) fn deliver(
    client: &Client,
    parts: Vec<Part>,
    clock: &dyn Clock,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Account {
    let mut line = Line::open(&client.plan);
    let mut delivery = Delivery {
        open: &mut |part: &Part| client.plan.body(&part.body),
        attempt: &mut |body, time| line.attempt(body, time, stop),
        judge: &|answer| client.judge(answer),
        clock,
        stop,
        limits: (client.plan.attempt, client.total),
        account: Account::default(),
    };
    delivery.run(parts, progress);
    delivery.account
}

impl Client {
    /// What an answer means; secrets that the backend repeats are taken out before and after it is read.
    fn judge(&self, answer: &Answer) -> Verdict {
        let conceal = &self.plan.conceal;
        let mut answer = answer.clone();
        conceal.bytes(&mut answer.body);
        match (self.rules.judge)(&answer) {
            Verdict::Delivered => Verdict::Delivered,
            Verdict::Partial(text) => Verdict::Partial(conceal.text(&text)),
            Verdict::Retry(text) => Verdict::Retry(conceal.text(&text)),
            Verdict::Refused(text) => Verdict::Refused(conceal.text(&text)),
        }
    }
}

/// A body as it goes out.
type Body = std::sync::Arc<[u8]>;

/// What a delivery needs; the network stands behind `attempt`, so that tests can do without one.
struct Delivery<'a> {
    open: &'a mut dyn FnMut(&Part) -> Body,
    attempt: &'a mut dyn FnMut(&Body, Duration) -> Attempt,
    judge: &'a dyn Fn(&Answer) -> Verdict,
    clock: &'a dyn Clock,
    stop: &'a dyn Fn() -> bool,
    /// Time for an attempt, and for all.
    limits: (Duration, Duration),
    account: Account,
}

/// What became of a part.
enum Fate {
    Delivered,
    Failed(String),
    /// Failed, and so do all that follow.
    Over(String),
}

/// What an attempt leads to.
enum Step {
    Done(Fate),
    Again { cause: String, asked: Option<Duration> },
}

impl Delivery<'_> {
    fn run(&mut self, parts: Vec<Part>, progress: &mut dyn FnMut(Progress)) {
        let of = parts.len();
        let mut over = None;
        for (done, part) in parts.into_iter().enumerate() {
            progress(Progress::Part { done, of });
            let fate = match &over {
                Some(cause) => Fate::Failed(String::clone(cause)),
                None => self.send(done + 1, &part, progress),
            };
            match fate {
                Fate::Delivered => self.account.delivered += 1,
                Fate::Failed(cause) => self.account.failed.push(Failed { part, cause }),
                Fate::Over(cause) => {
                    self.account.failed.push(Failed { part, cause: cause.clone() });
                    over = Some(cause);
                }
            }
        }
        progress(Progress::Part { done: of, of });
    }

    /// Tries a part until its fate is known.
    fn send(&mut self, number: usize, part: &Part, progress: &mut dyn FnMut(Progress)) -> Fate {
        let mut body = None;
        let mut backoff = Backoff::default();
        let (mut attempts, started) = (0, self.clock.now());
        // Whether the part may be there already.
        let mut doubtful = false;
        loop {
            let left = self.limits.1.saturating_sub(self.clock.now());
            if (self.stop)() {
                return Fate::Over("it was stopped before".to_owned());
            }
            if left.is_zero() {
                return Fate::Over("no time was left".to_owned());
            }
            let body = body.get_or_insert_with(|| (self.open)(part));
            let attempt = (self.attempt)(body, left.min(self.limits.0));
            attempts += 1;
            self.account.attempts += 1;
            self.account.bytes += attempt.sent;
            let unanswered = !matches!(attempt.outcome, Outcome::Answered(_));
            let whole = attempt.sent == body.len() as u64;
            let (cause, asked) = match self.step(number, attempt.outcome) {
                Step::Again { cause, asked } => (cause, asked),
                Step::Done(fate) => {
                    if doubtful && matches!(fate, Fate::Delivered) {
                        self.account.partial.push(format!(
                            "part {number} was sent again after an attempt that got no answer; it may be there twice"
                        ));
                    }
                    return fate;
                }
            };
            doubtful |= unanswered && whole;
            let wait = backoff.next(self.clock.chance(), asked);
            let Some(wait) = self.fitting(wait, asked) else {
                let time = (self.clock.now().saturating_sub(started)).as_secs();
                let times = if attempts == 1 { "1 attempt" } else { "attempts" };
                let count = if attempts == 1 { String::new() } else { format!("{attempts} ") };
                return Fate::Over(format!("{cause} ({count}{times} in {time} s)"));
            };
            progress(Progress::Waiting { cause, wait });
            self.clock.wait(wait, self.stop);
        }
    }

    /// The wait, shortened to leave time for a last attempt where nobody asked for it; nothing where no time is left.
    fn fitting(&self, wait: Duration, asked: Option<Duration>) -> Option<Duration> {
        let left = self.limits.1.saturating_sub(self.clock.now());
        if wait < left {
            return Some(wait);
        }
        let before_last = left.checked_sub(self.limits.0).filter(|wait| !wait.is_zero());
        before_last.filter(|before| asked.is_none_or(|asked| asked <= *before))
    }

    /// What the attempt at a part leads to.
    fn step(&mut self, number: usize, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Stopped => {
                Step::Done(Fate::Over("it was stopped before it was done".to_owned()))
            }
            Outcome::Failed(failure) if failure.again => {
                Step::Again { cause: failure.cause, asked: None }
            }
            Outcome::Failed(failure) => Step::Done(Fate::Over(failure.cause)),
            Outcome::Answered(reply) => self.answered(number, &reply),
        }
    }

    fn answered(&mut self, number: usize, reply: &Reply) -> Step {
        let status = reply.answer.status;
        if let 300..=399 = status {
            let place = reply.location.as_ref().map(|place| format!(" to {place}"));
            return Step::Done(Fate::Over(format!(
                "the backend redirects{} (status {status}), and redirects are not followed: give the URL itself",
                place.unwrap_or_default()
            )));
        }
        let verdict = (self.judge)(&reply.answer);
        if let 401 | 403 | 404 | 407 = status {
            return Step::Done(Fate::Over(match verdict {
                Verdict::Retry(text) | Verdict::Refused(text) | Verdict::Partial(text) => text,
                Verdict::Delivered => format!("the backend answered with status {status}"),
            }));
        }
        match verdict {
            Verdict::Delivered => Step::Done(Fate::Delivered),
            Verdict::Partial(text) => {
                self.account.partial.push(format!("part {number}: {text}"));
                Step::Done(Fate::Delivered)
            }
            Verdict::Refused(cause) => Step::Done(Fate::Failed(cause)),
            Verdict::Retry(cause) => {
                let asked =
                    reply.retry_after.as_ref().and_then(|value| asked(value, self.clock.unix()));
                Step::Again { cause, asked }
            }
        }
    }
}

#[cfg(test)]
mod tests;

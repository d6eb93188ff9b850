//! Fates of parts, with answers from a script and a clock that nobody waits for.

use super::*;
use crate::http::Failure;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// A clock that moves when it is waited for.
#[derive(Default)]
struct Fake {
    now: Cell<Duration>,
    waits: RefCell<Vec<Duration>>,
}

impl Clock for Fake {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn unix(&self) -> u64 {
        784_111_777
    }

    fn chance(&self) -> f64 {
        0.0
    }

    fn wait(&self, time: Duration, _stop: &dyn Fn() -> bool) {
        self.waits.borrow_mut().push(time);
        self.now.set(self.now.get() + time);
    }
}

fn part(number: u8) -> Part {
    Part::bare(vec![number; 10])
}

fn reply(status: u16, retry_after: Option<&str>) -> Outcome {
    let answer = Answer { status, content_type: String::new(), body: Vec::new() };
    Outcome::Answered(Reply::of(answer, retry_after))
}

fn failed(again: bool) -> Outcome {
    Outcome::Failed(Failure { cause: "out of order".to_owned(), again })
}

fn judge(answer: &Answer) -> Verdict {
    let text = format!("status {}", answer.status);
    match answer.status {
        200 => Verdict::Delivered,
        202 => Verdict::Advised(text),
        206 => Verdict::Partial(text),
        429 | 503 => Verdict::Retry(text),
        _ => Verdict::Refused(text),
    }
}

/// The outcomes of parts, the waits between attempts, and the messages.
struct Seen {
    account: Account,
    waits: Vec<u64>,
    told: Vec<Progress>,
}

impl Seen {
    fn causes(&self) -> Vec<(u8, &str)> {
        let failed = self.account.failed.iter();
        failed.map(|failed| (failed.part.body()[0], failed.cause.as_str())).collect()
    }
}

/// Delivers parts 1 to `parts`; an attempt takes a second, sends the whole body, and meets the next of the outcomes.
fn run(parts: u8, outcomes: Vec<Outcome>) -> Seen {
    run_until(parts, outcomes, usize::MAX)
}

/// As [`run`], told to stop after some attempts.
fn run_until(parts: u8, outcomes: Vec<Outcome>, stop_after: usize) -> Seen {
    let (clock, mut told) = (Fake::default(), Vec::new());
    let mut outcomes = VecDeque::from(outcomes);
    let attempts = Cell::new(0);
    let delivery = Delivery {
        open: &mut |part: &Part| part.body().into(),
        attempt: &mut |body: &Body, time| {
            assert!(!time.is_zero() && time <= Duration::from_secs(10));
            attempts.set(attempts.get() + 1);
            clock.now.set(clock.now.get() + Duration::from_secs(1));
            let outcome = outcomes.pop_front().expect("no attempt more than the script has");
            Attempt { sent: body.len() as u64, whole: true, outcome }
        },
        judge: &judge,
        words: &str::to_owned,
        clock: &clock,
        stop: &|| attempts.get() >= stop_after,
        anonymous: true,
        limits: (Duration::from_secs(10), Duration::from_secs(60)),
        account: Account::default(),
    };
    let numbered = (1..=parts).map(part).collect();
    let account = delivery.run(numbered, &mut |progress| told.push(progress));
    assert!(outcomes.is_empty(), "{} outcomes are left", outcomes.len());
    assert_eq!(account.delivered + account.failed.len(), usize::from(parts), "{account:?}");
    let waits = clock.waits.borrow().iter().map(Duration::as_secs).collect();
    Seen { account, waits, told }
}

#[test]
fn parts_go_one_after_the_other() {
    let seen = run(3, vec![reply(200, None), reply(200, None), reply(200, None)]);
    assert_eq!((seen.account.delivered, seen.account.attempts, seen.account.bytes), (3, 3, 30));
    assert!(seen.account.doubts.is_empty() && seen.waits.is_empty());
    let at = |done| Progress::Part { done, of: 3 };
    assert_eq!(seen.told, [at(0), at(1), at(2), at(3)]);
}

#[test]
fn advice_is_told_once_and_the_part_is_delivered() {
    let seen = run(3, vec![reply(202, None), reply(202, None), reply(200, None)]);
    assert_eq!((seen.account.delivered, seen.account.attempts), (3, 3));
    assert_eq!(seen.account.advice, ["status 202"]);
}

#[test]
fn a_refused_part_does_not_stop_the_others() {
    let seen = run(3, vec![reply(200, None), reply(400, None), reply(200, None)]);
    assert_eq!(seen.causes(), [(2, "status 400")]);
    assert!(seen.waits.is_empty(), "what is refused is not tried again");
}

#[test]
fn what_holds_for_all_parts_ends_the_delivery() {
    for (status, hint) in [
        (401, "; no credentials were sent"),
        (403, ""),
        (404, ""),
        (407, "; a proxy asks for credentials"),
    ] {
        let seen = run(3, vec![reply(200, None), reply(status, None)]);
        let cause = format!("status {status}{hint}");
        assert_eq!(seen.causes(), [(2, cause.as_str()), (3, &cause)]);
    }
    let seen = run(2, vec![failed(false)]);
    assert_eq!(seen.causes(), [(1, "out of order"), (2, "out of order")]);
}

#[test]
fn a_redirect_ends_the_delivery_whatever_the_backend_means() {
    let seen = run(2, vec![reply(307, None)]);
    assert!(seen.causes()[1].1.contains("redirects"), "{:?}", seen.causes());
    assert_eq!(seen.account.failed.len(), 2);
}

#[test]
fn a_part_taken_only_partly_is_not_delivered_and_not_sent_again() {
    let seen = run(2, vec![reply(206, None), reply(200, None)]);
    assert_eq!(seen.account.delivered, 1);
    assert_eq!(seen.causes(), [(1, "status 206; the rest of the part has arrived")]);
}

#[test]
fn what_may_go_better_is_tried_again_with_growing_waits() {
    let seen = run(
        2,
        vec![reply(503, None), failed(true), reply(429, None), reply(200, None), reply(200, None)],
    );
    assert_eq!((seen.account.delivered, seen.account.attempts, seen.account.bytes), (2, 5, 50));
    assert_eq!(seen.waits, [0, 1, 2], "half a second, one, two");
    let waiting =
        Progress::Waiting { cause: "status 503".to_owned(), wait: Duration::from_millis(500) };
    assert_eq!(seen.told[1], waiting);
}

#[test]
fn an_attempt_without_an_answer_may_have_delivered() {
    let seen = run(1, vec![failed(true), reply(200, None)]);
    assert_eq!(seen.account.delivered, 1);
    assert!(seen.account.doubts[0].contains("may have arrived twice"), "{:?}", seen.account.doubts);
    let seen = run(1, vec![reply(503, None), reply(200, None)]);
    assert!(seen.account.doubts.is_empty(), "it was answered: {:?}", seen.account.doubts);
    let seen = run(2, vec![failed(true), failed(false)]);
    assert!(!run(1, vec![failed(false)]).causes()[0].1.contains("arrived"), "nobody took it");
    assert_eq!(seen.causes()[0].1, "out of order; it may have arrived anyway");
    assert_eq!(seen.causes()[1].1, "out of order", "the second was never sent");
}

#[test]
fn time_that_is_up_ends_the_delivery_with_a_last_attempt() {
    // 1 + 0.5 + 1 + 1 + 1 + 2 + 1 + 4 + 1 + 8 + 1 + 16 + 1 = 38.5 s; of 21.5 s that are left, ten are for the last.
    let seen = run(3, (0..8).map(|_| reply(503, None)).collect());
    assert_eq!(seen.waits, [0, 1, 2, 4, 8, 16, 11]);
    let cause = "status 503 (8 attempts in 51 s)";
    assert_eq!(seen.causes(), [(1, cause), (2, cause), (3, cause)]);
}

#[test]
fn a_large_body_has_more_time() {
    let times = RefCell::new(Vec::new());
    let clock = Fake::default();
    let delivery = Delivery {
        open: &mut |part: &Part| part.body().into(),
        attempt: &mut |body: &Body, time| {
            times.borrow_mut().push(time.as_secs());
            Attempt { sent: body.len() as u64, whole: true, outcome: reply(200, None) }
        },
        judge: &judge,
        words: &str::to_owned,
        clock: &clock,
        stop: &|| false,
        anonymous: true,
        limits: (Duration::from_secs(10), Duration::from_secs(60)),
        account: Account::default(),
    };
    let parts = [1 << 10, 2 << 20, 20 << 20];
    let part = |len| Part::bare(vec![0; len]);
    delivery.run(parts.map(part).into(), &mut |_| ());
    assert_eq!(*times.borrow(), [10, 26, 60], "never more than is left");
}

#[test]
fn a_backend_is_given_the_time_that_it_asks_for() {
    let seen = run(1, vec![reply(429, Some("20")), reply(200, None)]);
    assert_eq!((seen.account.delivered, seen.waits), (1, vec![20]));
    let date = "Sun, 06 Nov 1994 08:50:07 GMT";
    assert_eq!(run(1, vec![reply(503, Some(date)), reply(200, None)]).waits, [30]);
    assert_eq!(run(1, vec![reply(429, Some("soon")), reply(200, None)]).waits, [0]);
}

#[test]
fn a_wait_longer_than_the_time_left_is_not_begun() {
    let seen = run(2, vec![reply(429, Some("3600"))]);
    assert!(seen.waits.is_empty());
    let cause = "status 429; it asks to wait 3600 s (1 attempt in 1 s)";
    assert_eq!(seen.causes(), [(1, cause), (2, cause)]);
    let seen = run(1, vec![reply(429, Some("99999999999999999999"))]);
    assert_eq!(seen.account.failed.len(), 1);
}

#[test]
fn a_stop_keeps_what_is_not_delivered() {
    let seen = run_until(3, vec![reply(200, None)], 1);
    assert_eq!(seen.causes().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
    assert!(seen.causes()[0].1.contains("cancelled"), "{:?}", seen.causes());
    let seen = run(2, vec![Outcome::Stopped]);
    assert_eq!(seen.account.failed.len(), 2);
}

#[test]
fn no_parts_are_no_failure() {
    let seen = run(0, vec![]);
    assert_eq!(seen.told, [Progress::Part { done: 0, of: 0 }]);
}

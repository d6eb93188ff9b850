//! From parts to an account.
//!
//! Parts are sent one after the other over one connection. A refused part does not stop the others. A refusal that holds for all of
//! them does: 401, 403, 404, 407, a redirect, an untrusted certificate, and the end of the time limit.
//!
//! *What may arrive twice.* An attempt that sent its whole body and got no answer is repeated: OTLP requires this, and a lost profile
//! cannot be recorded again. If the backend accepted the first attempt, it has the part twice, except for Pyroscope, which keeps one of
//! the profiles with the same series and time. The account says so. If the last attempt fails after such an attempt, the part may still
//! have arrived, and its cause says so. An answer to try again counts as not accepted.

mod account;
mod delivery;
pub(crate) mod retry;

pub use account::{Account, Failed, Progress};

use crate::exchange::{Answer, Exchange, Verdict};
use crate::http::{Line, Plan};
use crate::{Endpoint, Part, Settings, backends};
use delivery::{Delivery, WORDS};
use output::text;
use retry::Machine;
use std::time::Duration;

/// The longest time limit: clocks can still add it to the present.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Delivers parts to an endpoint.
#[derive(Debug)]
pub struct Client {
    plan: Plan,
    judge: fn(&Answer) -> Verdict,
    total: Duration,
}

impl Client {
    /// Makes no connection yet.
    ///
    /// # Errors
    /// One sentence: the certificates or a proxy's URL can't be read, credentials would be sent over plain http, or a header can't be sent.
    pub fn new(endpoint: Endpoint, settings: Settings) -> Result<Self, String> {
        let exchange = backends::rules(endpoint.backend).exchange;
        Self::with_exchange(&endpoint, &settings, exchange)
    }

    /// A client with any form of requests and any judgement of answers.
    pub(crate) fn with_exchange(
        endpoint: &Endpoint,
        settings: &Settings,
        Exchange { request, judge }: Exchange,
    ) -> Result<Self, String> {
        let plan = Plan::new(endpoint, settings, &request)?;
        Ok(Self { plan, judge, total: settings.total.min(LONGEST) })
    }

    /// Sends each part until it is delivered or refused, or the time limit is reached. `stop` returns whether to give up. It is called
    /// about twenty times a second.
    pub fn deliver(
        &self,
        parts: Vec<Part>,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Account {
        let mut line = Line::open(&self.plan);
        let delivery = Delivery {
            open: &mut |part: &Part| self.plan.body(&part.body()),
            attempt: &mut |body, time| line.attempt(body, time, stop),
            judge: &|answer| self.judge(answer),
            words: &|text| self.words(text),
            clock: &Machine::start(),
            stop,
            anonymous: self.plan.is_anonymous(),
            limits: (self.plan.attempt, self.total),
            account: Account::default(),
        };
        delivery.run(parts, progress)
    }

    /// The verdict on an answer. Secrets that the backend repeats are removed before it is read.
    fn judge(&self, answer: &Answer) -> Verdict {
        let mut answer = answer.clone();
        self.plan.conceal.bytes(&mut answer.body);
        (self.judge)(&answer)
    }

    /// The text in one line, without secrets.
    fn words(&self, text: &str) -> String {
        let text = text::clean(text).into_owned();
        text::shorten(&self.plan.conceal.text(&text), WORDS).into_owned()
    }
}

//! From parts to an account.
//!
//! Parts are sent one after the other over one connection. A refused part does not stop the others. A refusal that holds for all of
//! them does: 401, 403, 404, 407, a redirect, an untrusted certificate, and the end of the time limit.
//!
//! *What may arrive twice.* An attempt that sent its whole body and got no answer is repeated: OTLP requires this, and a lost profile
//! cannot be recorded again. If the backend accepted the first attempt, it has the part twice, except for Pyroscope, which keeps one of
//! the profiles with the same series and time. The account says so. If the last attempt fails after such an attempt, the part may still
//! have arrived, and its cause says so. An answer to try again counts as not accepted.

mod delivery;
mod retry;
mod rules;

use super::http::Plan;
use super::{Endpoint, Part, Settings};
pub(crate) use retry::GLANCE;
use retry::Machine;
pub(crate) use rules::Rules;
use std::time::Duration;

/// A part that was not delivered, or not all of it.
#[derive(Debug)]
pub struct Failed {
    /// The part.
    pub part: Part,
    /// The cause, in one sentence without secrets.
    pub cause: String,
}

/// What became of the parts.
#[derive(Debug, Default)]
pub struct Account {
    /// Delivered parts.
    pub delivered: usize,
    /// The undelivered parts, in their order.
    pub failed: Vec<Failed>,
    /// Which of the delivered parts may have arrived twice.
    pub doubts: Vec<String>,
    /// The backend's remarks on accepted parts, in its own words, each once.
    pub advice: Vec<String>,
    /// Requests that were made, the failed ones with them.
    pub attempts: usize,
    /// Bytes of bodies that went out, compressed as they went, the failed ones with them.
    pub bytes: u64,
}

/// The progress of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Parts done, of how many.
    Part {
        /// Done.
        done: usize,
        /// The number of parts.
        of: usize,
    },
    /// An attempt failed; the next one is after this time.
    Waiting {
        /// The cause.
        cause: String,
        /// The time to wait.
        wait: Duration,
    },
}

/// More time than anybody waits, and less than clocks can count.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Delivers parts to an endpoint.
#[derive(Debug)]
pub struct Client {
    plan: Plan,
    rules: Rules,
    total: Duration,
}

impl Client {
    /// Makes no connection yet.
    ///
    /// # Errors
    /// One sentence: certificates that can't be read, credentials that would go over plain http, headers that can't
    /// be sent, a proxy's URL that can't be read.
    pub fn new(endpoint: Endpoint, settings: Settings) -> Result<Self, String> {
        let rules = Rules::of(endpoint.backend);
        Self::with_rules(&endpoint, &settings, rules)
    }

    /// A client of a backend with rules of its own.
    pub(crate) fn with_rules(
        endpoint: &Endpoint,
        settings: &Settings,
        rules: Rules,
    ) -> Result<Self, String> {
        let plan = Plan::new(endpoint, settings, &rules.request())?;
        Ok(Self { plan, rules, total: settings.total.min(LONGEST) })
    }

    /// Sends each part until it is delivered, refused, or the time limit is reached. `stop` returns whether to give up; it is called about
    /// twenty times a second.
    pub fn deliver(
        &self,
        parts: Vec<Part>,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Account {
        delivery::deliver(self, parts, &Machine::start(), stop, progress)
    }
}

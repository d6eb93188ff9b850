//! From parts to an account.
//!
//! Parts go one after the other over one connection. A part that a backend refuses does not stop the others; a
//! refusal that holds for all of them does: 401, 403, 404, 407, a redirect, a certificate that can't be trusted, and
//! time that is up.
//!
//! *What may arrive twice.* An attempt whose body was sent whole and that no answer came to is tried again: OTLP asks
//! for it, and a window that is lost can't be had again. A backend that took the first one has the part twice then,
//! but for Pyroscope, which keeps one of profiles with the same series and time. The account says so, and a part that
//! failed at last after such an attempt may be there all the same: its cause says that. An answer to try again counts
//! as not taken.

mod delivery;
mod rules;
mod settings;

pub use settings::Settings;

use super::http::Plan;
use super::retry::Machine;
use super::{Endpoint, Part};
pub(crate) use rules::Rules;
use std::time::Duration;

/// A part that was not delivered, or not all of it.
#[derive(Debug)]
pub struct Failed {
    /// The part.
    pub part: Part,
    /// Why, in one sentence without secrets.
    pub cause: String,
}

/// What became of the parts.
#[derive(Debug, Default)]
pub struct Account {
    /// Delivered parts.
    pub delivered: usize,
    /// What was not delivered, in the order of the parts.
    pub failed: Vec<Failed>,
    /// Which of the delivered parts may have arrived twice.
    pub doubts: Vec<String>,
    /// What the backend said of parts that it took, in its own words; none twice.
    pub advice: Vec<String>,
    /// Requests that were made, the failed ones with them.
    pub attempts: usize,
    /// Bytes of bodies that went out, compressed as they went, the failed ones with them.
    pub bytes: u64,
}

/// How far a delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Parts done, of how many.
    Part {
        /// Done.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// An attempt failed; the next one is after this time.
    Waiting {
        /// Why.
        cause: String,
        /// How long.
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

    /// Sends each part until it is delivered, refused, or time is up. `stop`: whether to give up at once; it is asked
    /// some twenty times a second.
    pub fn deliver(
        &self,
        parts: Vec<Part>,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Account {
        delivery::deliver(self, parts, &Machine::start(), stop, progress)
    }
}

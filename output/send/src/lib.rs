//! Sending a profile to a profiling backend.
//!
//! *What it is.* [`prepare()`] makes the bodies of requests from a profile, each small enough for its backend; [`Client`] delivers them.
//! *What you must do.* Parse an [`Endpoint`], name the profile ([`Series`]), and read the [`Account`]. *What it does.* Every part is
//! either delivered or listed in the account with its cause. *What it is not.* It knows nothing of files, recordings and command lines.
//!
//! Modules in reading order: `endpoint` (the address), `series` (the labels to send), `settings`, `part`, `prepare` (steps that
//! backends share: labels, names, sizes), `backends` (one folder each: bodies, limits, and the meaning of answers), `client` (from parts
//! to an account), `http` (one attempt), `credentials`.
#![forbid(unsafe_code)]

mod backends;
mod client;
mod credentials;
mod endpoint;
mod exchange;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod part;
mod prepare;
mod series;
mod settings;
#[cfg(test)]
mod tests;

pub use client::{Account, Client, Failed, Progress};
pub use credentials::{Credentials, Secret};
pub use endpoint::{Backend, Endpoint};
pub use part::Part;
pub use series::Series;
pub use settings::Settings;

use output::{Error, Profile};
use std::sync::Arc;

/// The parts of a profile for a backend. Labels that are not allowed are removed, equal samples are merged, and a profile that exceeds
/// the backend's limits is split. The parts add up to the whole.
///
/// # Errors
/// [`Error::Empty`] for an empty profile, [`Error::Invalid`] for an inconsistent profile, and [`Error::TooLarge`] if a single sample
/// exceeds the limit.
pub fn prepare(backend: Backend, profile: &Profile, series: &Series) -> Result<Vec<Part>, Error> {
    let stripped = prepare::samples::strip(profile, &series.allowed)?;
    (backends::rules(backend).parts)(stripped, series)
}

/// The body of a part on the wire, compressed as its backend requires.
pub fn wire_body(backend: Backend, part: &Part) -> Arc<[u8]> {
    http::wire_body(&part.body(), backends::rules(backend).exchange.request.compress)
}

/// The reason why a backend would refuse the profile because of its time, in one sentence, for a warning before it is sent.
pub fn stale(backend: Backend, profile: &Profile, now_nanos: i64) -> Option<String> {
    (backends::rules(backend).stale)(profile, now_nanos)
}

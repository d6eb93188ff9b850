//! Sending a profile to a profiling backend.
//!
//! *What it is.* [`prepare`] makes the bodies of requests from a profile, each small enough for its backend; [`Client`] delivers them.
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

use backends::{otlp, parca, pyroscope};
use base64::prelude::{BASE64_STANDARD, Engine};
use output::{Error, Profile};
use std::sync::Arc;

/// The meaning of a backend's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The whole part was accepted.
    Delivered,
    /// The whole part was accepted, with a remark.
    Advised(String),
    /// A part of it was rejected, as the text says. Sent again, most of it would arrive twice.
    Partial(String),
    /// Worth another attempt.
    Retry(String),
    /// Never to be sent again as it is.
    Refused(String),
}

/// An answer over HTTP: its status and the beginning of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The content type, empty where none was given.
    pub(crate) content_type: String,
    /// No more than the first 64 KiB of the body, decompressed.
    pub(crate) body: Vec<u8>,
}

/// The parts of a profile for a backend. Labels that are not allowed are removed, equal samples are merged, and a profile that exceeds
/// the backend's limits is split. The parts add up to the whole.
///
/// # Errors
/// [`Error::Empty`] for an empty profile, [`Error::Invalid`] for an inconsistent profile, and [`Error::TooLarge`] if a single sample
/// exceeds the limit.
pub fn prepare(backend: Backend, profile: &Profile, series: &Series) -> Result<Vec<Part>, Error> {
    let stripped = series::strip(profile, &series.allowed)?;
    match backend {
        Backend::Pyroscope => pyroscope::parts(stripped, series),
        Backend::Parca => parca::parts(stripped, series),
        Backend::Otlp => otlp::parts(stripped, series),
    }
}

/// The body of a part on the wire, compressed as its backend requires.
pub fn wire_body(backend: Backend, part: &Part) -> Arc<[u8]> {
    http::wire_body(&part.body(), client::Rules::of(backend).compress)
}

/// The reason why a backend would refuse the profile because of its time, in one sentence, for a warning before it is sent.
pub fn stale(backend: Backend, profile: &Profile, now_nanos: i64) -> Option<String> {
    match backend {
        Backend::Pyroscope => pyroscope::stale(profile, now_nanos),
        Backend::Parca | Backend::Otlp => None,
    }
}

/// Bytes in base64 with padding, for headers and JSON.
fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

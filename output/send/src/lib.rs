//! Sending a profile to a profiling backend.
//!
//! *What it is.* [`prepare`] makes the bodies of requests from a profile, each small enough for its backend;
//! [`Client`] delivers them. *What you must do.* Parse an [`Endpoint`], say what the profile is of ([`Series`]), and
//! read the [`Account`]. *What it does.* Every part is delivered, or stands in the account with its cause. *What it
//! is not.* It knows nothing of files, recordings and command lines.
//!
//! Modules in reading order: `endpoint` (where), `series` (which labels go along), `split`, `labels` and `profile_name`
//! (what backends take), `part`, then a backend each (`pyroscope`, `parca`, `otlp`: bodies, limits, and what answers mean),
//! `told` (a backend's words), `client` (parts to account), `retry` (when again), `http` (one attempt), `credentials`.
#![forbid(unsafe_code)]

mod client;
mod credentials;
mod endpoint;
#[cfg(test)]
mod fields;
mod http;
mod labels;
mod otlp;
mod parca;
mod part;
mod profile_name;
mod pyroscope;
mod retry;
mod series;
mod side_by_side;
mod split;
#[cfg(test)]
mod tests;
mod told;

pub use client::{Account, Client, Failed, Progress, Settings};
pub use credentials::{Credentials, Secret};
pub use endpoint::{Backend, Endpoint};
pub use part::Part;
pub use series::Series;

use base64::prelude::{BASE64_STANDARD, Engine};
use output::{Error, Profile};
use std::sync::Arc;

/// What a backend's answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of the part was taken.
    Delivered,
    /// All of the part was taken, and the backend has something to say.
    Advised(String),
    /// The part was taken but for what is told; sent again, it would be there twice for the most part.
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

/// The parts of a profile for a backend: labels that are not allowed are taken away, equal samples merged, and what is
/// over the backend's limits is split. The parts' sums equal the whole.
///
/// # Errors
/// [`Error::Empty`] where nothing is to be sent, [`Error::Invalid`] for a profile that does not hold together, and
/// [`Error::TooLarge`] where a single sample is over the limit.
pub fn prepare(backend: Backend, profile: &Profile, series: &Series) -> Result<Vec<Part>, Error> {
    let stripped = series::strip(profile, &series.allowed)?;
    match backend {
        Backend::Pyroscope => pyroscope::parts(stripped, series),
        Backend::Parca => parca::parts(stripped, series),
        Backend::Otlp => otlp::parts(stripped, series),
    }
}

/// The body of a part as it goes over the wire: compressed as its backend wants it.
pub fn wire_body(backend: Backend, part: &Part) -> Arc<[u8]> {
    http::wire_body(&part.body(), client::Rules::of(backend).compress)
}

/// Why a backend would refuse the profile for its time, in one sentence; to be said before it is sent.
pub fn stale(backend: Backend, profile: &Profile, now_nanos: i64) -> Option<String> {
    match backend {
        Backend::Pyroscope => pyroscope::stale(profile, now_nanos),
        Backend::Parca | Backend::Otlp => None,
    }
}

/// Bytes in base64 with padding, as headers and JSON want it.
fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

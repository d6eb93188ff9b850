//! Bodies for OTLP, its limits, and what its answers mean.

use super::split::{Limits, split};
use super::{Answer, Part, Series, Verdict};
use crate::{Error, Otlp, Profile, text};
use prost::Message;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Path of the request below the endpoint's base.
pub(super) const PATH: &str = "/v1development/profiles";
/// Type of the body.
pub(super) const CONTENT_TYPE: &str = "application/x-protobuf";
/// Whether the client compresses the body (gzip, told in `Content-Encoding`).
pub(super) const COMPRESS: bool = true;
/// Further headers of each request.
pub(super) const HEADERS: &[(&str, &str)] = &[];

/// The Collector answers 400 to a body that is larger when it is decompressed.
const LIMIT: usize = 20 << 20;
/// How much of a backend's words is repeated, in characters.
const WORDS: usize = 300;

/// The profile's parts.
pub(super) fn parts(profile: Profile, series: &Series) -> Result<Vec<Part>, Error> {
    parts_within(profile, series, LIMIT)
}

/// The parts hold together, as `split` saw. The bodies' own size is not known before they are made: what is too large then is halved.
fn parts_within(profile: Profile, series: &Series, limit: usize) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    let mut waiting = split(profile, Limits { samples: usize::MAX, bytes: limit })?;
    waiting.reverse();
    while let Some(profile) = waiting.pop() {
        let body = otlp(series).bytes_of_whole(&profile)?;
        let samples = profile.samples.len();
        if body.len() <= limit {
            parts.push(Part { profile, body });
        } else if samples > 1 {
            let half = Limits { samples: samples.div_ceil(2), bytes: usize::MAX };
            waiting.extend(split(profile, half)?.into_iter().rev());
        } else {
            return Err(Error::TooLarge(format!(
                "one sample alone takes {} bytes, and {limit} are allowed",
                body.len()
            )));
        }
    }
    Ok(parts)
}

fn otlp(series: &Series) -> Otlp {
    Otlp {
        service_name: series.service_name.clone(),
        attributes: series.labels.clone(),
        first_id: random_id(),
    }
}

/// 128 bits that no other profile has: two hashes under the keys that the standard library draws for its maps.
fn random_id() -> u128 {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}

/// `ExportProfilesServiceResponse`.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_profiles: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`, which answers other than 200 carry.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

/// What an answer means, by the rules of OTLP over HTTP: 429, 502, 503 and 504 are worth another attempt.
pub(super) fn judge(answer: &Answer) -> Verdict {
    match answer.status {
        200..=299 => taken(answer),
        429 | 502 | 503 | 504 => Verdict::Retry(cause(answer)),
        _ => Verdict::Refused(cause(answer)),
    }
}

fn is(answer: &Answer, kind: &str) -> bool {
    let given = answer.content_type.split(';').next().unwrap_or("").trim();
    given.eq_ignore_ascii_case(kind)
}

/// A success, by its status. A page for people is none: some proxies answer so to whoever is not signed in.
fn taken(answer: &Answer) -> Verdict {
    if is(answer, "text/html") {
        return Verdict::Refused(format!(
            "{} with a web page, which is no answer of an OTLP receiver",
            answer.status
        ));
    }
    let response = Some(answer).filter(|answer| is(answer, CONTENT_TYPE));
    let response = response.and_then(|answer| Response::decode(answer.body.as_slice()).ok());
    match response.and_then(|response| response.partial_success) {
        Some(partial) if partial.rejected_profiles > 0 => Verdict::Partial(with_words(
            format!("{} profiles of a part were rejected", partial.rejected_profiles),
            &partial.error_message,
        )),
        _ => Verdict::Delivered,
    }
}

/// The status, and what the backend says.
fn cause(answer: &Answer) -> String {
    let status =
        if is(answer, CONTENT_TYPE) { Status::decode(answer.body.as_slice()).ok() } else { None };
    let words = match status {
        Some(status) => status.message,
        None if is(answer, "text/plain") || is(answer, "application/json") => {
            String::from_utf8_lossy(&answer.body).into_owned()
        }
        None => String::new(),
    };
    with_words(format!("status {}", answer.status), &words)
}

/// The fact, and a backend's words in one bounded line.
fn with_words(fact: String, words: &str) -> String {
    if words.trim().is_empty() {
        return fact;
    }
    format!("{fact}: {}", text::shorten(&text::clean(words), WORDS))
}

#[cfg(test)]
mod tests;

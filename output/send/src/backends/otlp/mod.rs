//! Bodies for OTLP, its limits, and the meaning of answers.

use super::answers::{self, ErrorBody};
use super::rules::Rules;
use crate::exchange::{Answer, Exchange, Request, Verdict};
use crate::part::{Body, Samples};
use crate::prepare::split::{Limits, Meter, Room, fits, split};
use crate::{Part, Series};
use output::lean::Lean;
use output::otlp::SERVICE_NAME;
use output::pprof::Common;
use output::tell::comments;
use output::{Error, Otlp};
use prost::Message;
use serde_json::Value;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

/// The rules of this backend.
pub(super) static RULES: Rules = Rules {
    exchange: Exchange {
        request: Request {
            path: "/v1development/profiles",
            content_type: CONTENT_TYPE,
            compress: true,
            headers: &[],
        },
        judge,
    },
    parts,
    stale: |_, _| None,
};
/// The type of bodies and answers.
const CONTENT_TYPE: &str = "application/x-protobuf";

/// The Collector answers 400 if the decompressed body is larger.
const LIMIT: usize = 20 << 20;
/// The reason why a receiver of OTLP may not know the path.
const NO_PROFILES: &str = "the OpenTelemetry Collector accepts profiles only with \
    --feature-gates=service.profilesSupport and a pipeline for profiles";

/// The profile's parts.
fn parts(lean: Lean, series: &Series) -> Result<Vec<Part>, Error> {
    check_labels(series)?;
    parts_within(lean, series, LIMIT)
}

/// The labels become attributes of a resource. Their keys must be unique.
fn check_labels(series: &Series) -> Result<(), Error> {
    let mut keys = BTreeSet::from([SERVICE_NAME]);
    match series.labels.iter().find(|(key, _)| key.is_empty() || !keys.insert(key)) {
        None => Ok(()),
        Some((key, _)) if key.is_empty() => {
            Err(Error::Unsendable("OTLP accepts no label without a name".into()))
        }
        Some((key, _)) => {
            Err(Error::Unsendable(format!("OTLP accepts each label once: {key} is given twice")))
        }
    }
}

/// The size of a body is known only after it is made. If it is too large, its samples are halved.
fn parts_within(lean: Lean, series: &Series, limit: usize) -> Result<Vec<Part>, Error> {
    let lean = Arc::new(lean);
    let (mut parts, mut room) = (Vec::new(), Room::new());
    let mut waiting = first_parts(&lean, Limits { samples: usize::MAX, bytes: limit })?;
    waiting.reverse();
    while let Some(mut rows) = waiting.pop() {
        let body = otlp(series).bytes_of(&lean, &rows)?;
        if body.len() <= limit {
            room.take(body.len())?;
            parts.push(Part { body: Body::Whole(body), samples: Samples::new(&lean, rows) });
        } else if rows.len() > 1 {
            let half = rows.split_off(rows.len().div_ceil(2));
            waiting.extend([half, rows]);
        } else {
            return Err(Error::TooLarge(format!(
                "one sample alone takes {} bytes; {limit} are allowed",
                body.len()
            )));
        }
    }
    Ok(parts)
}

fn first_parts(lean: &Lean, limits: Limits) -> Result<Vec<Vec<u32>>, Error> {
    if fits(lean, limits) {
        return Ok(vec![lean.all()]);
    }
    let comments = comments(&lean.tables);
    let common = Common::new(lean, &comments);
    split(&mut Meter::new(lean, &common), lean.all(), limits, &mut Room::new())
}

fn otlp(series: &Series) -> Otlp {
    Otlp {
        service_name: series.service_name.clone(),
        attributes: series.labels.clone(),
        first_id: random_id(),
    }
}

/// 128 random bits: two hashes, keyed by the random state of the standard library's maps.
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

/// `google.rpc.Status`, the body of answers other than 200.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

/// The meaning of an answer, by the rules of OTLP over HTTP: 429, 502, 503 and 504 allow another attempt.
fn judge(answer: &Answer) -> Verdict {
    match answer.status {
        200..=299 => taken(answer),
        404 => Verdict::Refused(format!("{}; {NO_PROFILES}", cause(answer))),
        429 | 502 | 503 | 504 => Verdict::Retry(cause(answer)),
        _ => Verdict::Refused(cause(answer)),
    }
}

/// The meaning of an answer with the status of a success. A web page is none: some proxies send one to clients that are not signed in.
fn taken(answer: &Answer) -> Verdict {
    if answer.content_type.to_ascii_lowercase().contains("html") {
        let text = answers::status_and_text(answer);
        return Verdict::Refused(format!("this is not an OTLP receiver: {text}"));
    }
    let partial = if answers::is_type(answer, CONTENT_TYPE) {
        let response = Response::decode(answer.body.as_slice()).ok();
        response.and_then(|response| response.partial_success).unwrap_or_default()
    } else {
        PartialSuccess::from_json(&answer.body).unwrap_or_default()
    };
    match (partial.rejected_profiles, answers::one_line(&partial.error_message).as_str()) {
        (..=0, "") => Verdict::Delivered,
        // Without a rejection, the text is advice.
        (..=0, words) => Verdict::Advised(words.to_owned()),
        (rejected, "") => Verdict::Partial(rejection(rejected)),
        (rejected, words) => Verdict::Partial(format!("{}: {words}", rejection(rejected))),
    }
}

fn rejection(count: i64) -> String {
    if count == 1 {
        "1 profile was rejected".into()
    } else {
        format!("{count} profiles were rejected")
    }
}

impl PartialSuccess {
    fn from_json(body: &[u8]) -> Option<Self> {
        let response: Value = serde_json::from_slice(body).ok()?;
        let partial = response.get("partialSuccess")?;
        // A 0 is left out. 64-bit numbers are texts in the JSON of protocol buffers, since some readers' numbers have 53 bits.
        let rejected = partial
            .get("rejectedProfiles")
            .map_or(Some(0), |number| number.as_i64().or_else(|| number.as_str()?.parse().ok()))?;
        let message = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
        Some(Self { rejected_profiles: rejected, error_message: message.into() })
    }
}

/// The status, and the text of the answer.
fn cause(answer: &Answer) -> String {
    let words = match ErrorBody::read(answer) {
        Some(error) => error.message,
        None if answer.content_type.to_ascii_lowercase().contains("protobuf") => {
            let status = Status::decode(answer.body.as_slice()).unwrap_or_default();
            answers::one_line(&status.message)
        }
        None => return answers::status_and_text(answer),
    };
    let status = answer.status;
    if words.is_empty() { format!("status {status}") } else { format!("status {status}: {words}") }
}

/// Requests as the tests of the encoder read them.
#[cfg(test)]
#[path = "../../../../src/formats/otlp/tests/request/mod.rs"]
#[expect(dead_code, reason = "the encoder's tests look at more of a request")]
mod request;
#[cfg(test)]
mod tests;

//! Bodies for Parca, its limits, and the meaning of its answers.
//!
//! A body is a `parca.profilestore.v1alpha1.WriteRawRequest` as JSON: the gateway of Parca's gRPC server reads nothing else. It reads no
//! compressed bodies, so the pprof in the body is compressed. Labels are a `LabelSet` message. A series needs a name, and labels with
//! names of letters, digits and `_`, each once. A profile needs ids in order from 1, and types that are valid in a query. A profile
//! without a period type crashes the server. Parca keeps no labels of samples: samples with other labels are another series.
//!
//! Addresses are those in the files (`normalized`), as Parca looks them up.

#[cfg(test)]
mod tests;

use super::answers::{self, ErrorBody};
use super::rules::Rules;
use crate::exchange::{Answer, Exchange, Request, Verdict};
use crate::part::{Body, Entry, Samples};
use crate::prepare::labels::LabelRules;
use crate::prepare::parallel;
use crate::prepare::profile_name::{profile_name, settle_types};
use crate::prepare::split::{Limits, Meter, Room, split};
use crate::{Part, Series};
use base64::prelude::{BASE64_STANDARD, Engine};
use output::Error;
use output::lean::Lean;
use output::pprof::{Common, Parts, packed};
use output::tell::comments;
use std::sync::{Arc, Mutex, PoisonError};

/// The rules of this backend.
pub(super) static RULES: Rules = Rules {
    exchange: Exchange {
        request: Request {
            path: "/api/profiles/writeraw",
            content_type: CONTENT_TYPE,
            compress: false,
            headers: &[],
        },
        judge,
    },
    parts,
    stale: |_, _| None,
};
/// The type of bodies and answers.
const CONTENT_TYPE: &str = "application/json";

/// Parca's server accepts messages of up to 64 MiB (32 MiB in earlier versions), and reads a message for five seconds at most.
const LIMITS: Limits = Limits { samples: usize::MAX, bytes: 24 << 20 };
const LABELS: LabelRules = LabelRules {
    backend: "Parca",
    dots: false,
    negative: true,
    name: usize::MAX,
    value: usize::MAX,
    count: usize::MAX,
};

/// The profile's parts.
fn parts(mut lean: Lean, series: &Series) -> Result<Vec<Part>, Error> {
    settle_types(&mut lean.tables, LABELS.backend)?;
    LABELS.fit_samples(&mut lean, 0)?;
    let lean = Arc::new(lean);
    let comments = comments(&lean.tables);
    let common = Common::new(&lean, &comments);
    let room = Mutex::new(Room::new());
    let take = |bytes| room.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
    let encode = |encoder: &mut Parts<'_>, rows: Vec<u32>| {
        take(0)?;
        let plain = encoder.plain(&rows, lean.tables.time_nanos);
        if plain.len() <= LIMITS.bytes {
            take(plain.len())?;
            return Ok(vec![(plain, rows)]);
        }
        drop(plain);
        let pieces = {
            let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
            split(&mut Meter::new(&lean, &common), rows, LIMITS, &mut room)?
        };
        let plain = |rows: Vec<u32>| (encoder.plain(&rows, lean.tables.time_nanos), rows);
        Ok(pieces.into_iter().map(plain).collect())
    };
    let groups = lean.by_set(&lean.all());
    let pieces = parallel::each(groups, || Parts::new(&common, false), encode);
    requests(&lean, series, pieces)
}

/// Some samples with the same labels: their pprof without the labels, and their numbers.
type Piece = (Vec<u8>, Vec<u32>);

/// Puts as many series into each request as the limits allow. Pieces with the same labels stay together.
fn requests(
    lean: &Arc<Lean>,
    series: &Series,
    pieces: Vec<Result<Vec<Piece>, Error>>,
) -> Result<Vec<Part>, Error> {
    let name = profile_name(&lean.tables);
    let part = |(entries, rows): (Vec<Entry>, Vec<u32>)| Part {
        body: Body::Later(entries, body),
        samples: Samples::new(lean, rows),
    };
    let (mut parts, mut request, mut bytes) = (Vec::new(), (Vec::new(), Vec::new()), 0);
    for pieces in pieces {
        let pieces = pieces?;
        let Some(first) = pieces.first().and_then(|(_, rows)| rows.first()) else { continue };
        let set = &lean.sets()[lean.row(*first).set as usize];
        let labels = LABELS.of_samples(series, set, name)?;
        for (plain, rows) in pieces {
            if !request.0.is_empty() && bytes + plain.len() > LIMITS.bytes {
                parts.push(part(std::mem::take(&mut request)));
                bytes = 0;
            }
            bytes += plain.len();
            request.0.push(Entry { labels: labels.clone(), pprof: plain });
            request.1.extend(rows);
        }
    }
    parts.push(part(request));
    Ok(parts)
}

/// The body with these series.
fn body(entries: &[Entry]) -> Vec<u8> {
    let text = |(): &mut (), entry: &Entry| {
        let pair =
            |(name, value): &(String, String)| serde_json::json!({ "name": name, "value": value });
        let labels = serde_json::Value::from_iter(entry.labels.iter().map(pair));
        let mut text = format!(r#"{{"labels":{{"labels":{labels}}},"samples":[{{"rawProfile":""#);
        BASE64_STANDARD.encode_string(packed(&entry.pprof), &mut text);
        text.push_str(r#""}]}"#);
        text
    };
    let series = parallel::each(entries.iter().collect(), || (), text);
    let mut body =
        String::with_capacity(series.iter().map(|text| text.len() + 1).sum::<usize>() + 40);
    body.push_str(r#"{"normalized":true,"series":["#);
    for (at, text) in series.iter().enumerate() {
        body.push_str(if at == 0 { "" } else { "," });
        body.push_str(text);
    }
    body.push_str("]}");
    body.into_bytes()
}

/// The meaning of an answer. Errors are those of gRPC's gateway, with gRPC's numeric codes.
///
/// Errors that may end soon allow another attempt: unavailable, deadline exceeded, exhausted (except for a message that is too large),
/// aborted, internal, and errors without a code of their own, which come from its store.
fn judge(answer: &Answer) -> Verdict {
    answers::judge(answer, ("Parca", CONTENT_TYPE), failure)
}

fn failure(status: u16, error: &ErrorBody) -> Option<Verdict> {
    let word = word(error.code.as_i64()?);
    let text = format!("{word} ({status}): {}", error.message);
    Some(match word {
        "resource exhausted" if error.message.contains("larger than max") => Verdict::Refused(text),
        "unknown" if error.message.starts_with("invalid profile type") => Verdict::Refused(text),
        "unknown" | "deadline exceeded" | "resource exhausted" | "aborted" | "internal"
        | "unavailable" => Verdict::Retry(text),
        _ => Verdict::Refused(text),
    })
}

/// gRPC's word for a code.
fn word(code: i64) -> &'static str {
    match code {
        1 => "cancelled",
        3 => "invalid argument",
        4 => "deadline exceeded",
        5 => "not found",
        6 => "already exists",
        7 => "permission denied",
        8 => "resource exhausted",
        9 => "failed precondition",
        10 => "aborted",
        11 => "out of range",
        12 => "unimplemented",
        13 => "internal",
        14 => "unavailable",
        15 => "data loss",
        16 => "unauthenticated",
        _ => "unknown",
    }
}

//! Bodies for Parca, its limits, and what its answers mean.
//!
//! A body is a `parca.profilestore.v1alpha1.WriteRawRequest` as JSON: the gateway before Parca's gRPC server reads
//! nothing else, and no compressed bodies, so the pprof in it is compressed. Labels are a `LabelSet` message there.
//! What a series must have: a name; labels with names of letters, digits and `_`, none of them twice. Of a profile:
//! ids in order from 1, types that can stand in a query. Labels of samples may only be texts.
//!
//! Addresses are those that files state (`normalized`), as Parca looks them up.

#[cfg(test)]
mod tests;

use super::labels::Rules;
use super::profile_name::{profile_name, settle_types};
use super::series::{by_service, name_service};
use super::split::{Limits, Room, split};
use super::told::{self, Told};
use super::{Answer, Part, Series, Verdict, base64};
use crate::{Error, Pprof, Profile};

/// Path of the request below the endpoint's base.
pub(super) const PATH: &str = "/api/profiles/writeraw";
/// Type of the body.
pub(super) const CONTENT_TYPE: &str = "application/json";
/// Whether the client compresses the body (gzip, told in `Content-Encoding`).
pub(super) const COMPRESS: bool = false;
/// Further headers of each request.
pub(super) const HEADERS: &[(&str, &str)] = &[];

/// Parca's server takes messages of 64 MiB (32 earlier), and gives five seconds for reading one.
const LIMITS: Limits = Limits { samples: usize::MAX, bytes: 24 << 20 };
const RULES: Rules = Rules {
    backend: "Parca",
    dots: false,
    negative: true,
    name: usize::MAX,
    value: usize::MAX,
    count: usize::MAX,
};

/// The profile's parts.
pub(super) fn parts(mut profile: Profile, series: &Series) -> Result<Vec<Part>, Error> {
    settle_types(&mut profile, RULES.backend)?;
    let keys = RULES.fit_samples(&mut profile, 0)?;
    let name = profile_name(&profile);
    let (mut parts, mut room) = (Vec::new(), Room::new());
    by_service(profile, &keys, &series.service_name, |service, profile| {
        let labels = RULES.of_series(series, service, name)?;
        for mut profile in split(profile, LIMITS, &mut room)? {
            let body = body(&profile, &labels);
            name_service(&mut profile, service, &series.service_name);
            parts.push(Part { profile, body });
        }
        Ok(())
    })?;
    Ok(parts)
}

fn body(profile: &Profile, labels: &[(String, String)]) -> Vec<u8> {
    let packed = Pprof { quality: false, ..Pprof::default() }.packed(profile);
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| serde_json::json!({ "name": name, "value": value }))
        .collect();
    let labels = serde_json::Value::from(labels);
    let mut body =
        format!(r#"{{"normalized":true,"series":[{{"labels":{{"labels":{labels}}},"samples":[{{"#);
    body.push_str(r#""rawProfile":""#);
    body.push_str(&base64(&packed));
    body.push_str(r#""}]}]}"#);
    body.into_bytes()
}

/// What an answer means. Errors are those of gRPC's gateway, with gRPC's codes by number.
///
/// Sent again is what may be over soon: unavailable, out of time, exhausted (but for a message that is too large),
/// aborted, internal, and errors without a code of their own, which are those of its store.
pub(super) fn judge(answer: &Answer) -> Verdict {
    let status = answer.status;
    if (200..300).contains(&status) {
        return if told::is_type(answer, CONTENT_TYPE) {
            Verdict::Delivered
        } else {
            let kind = told::one_line(&answer.content_type);
            Verdict::Refused(format!("no Parca: status {status} with {kind}"))
        };
    }
    let told = Told::read(answer);
    let code = told.as_ref().and_then(|told| told.code.as_i64());
    let (Some(told), Some(code)) = (&told, code) else {
        let text = told::status_and_text(answer);
        return match status {
            408 | 429 | 500 | 502..=504 => Verdict::Retry(text),
            404 => Verdict::Refused(format!("no Parca under this address: {text}")),
            _ => Verdict::Refused(text),
        };
    };
    let text = format!("{} ({status}): {}", word(code), told.message);
    match word(code) {
        "resource exhausted" if told.message.contains("larger than max") => Verdict::Refused(text),
        "unknown" | "deadline exceeded" | "resource exhausted" | "aborted" | "internal"
        | "unavailable" => Verdict::Retry(text),
        _ => Verdict::Refused(text),
    }
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

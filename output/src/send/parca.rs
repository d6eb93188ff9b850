//! Bodies for Parca, its limits, and what its answers mean.
//!
//! A body is a `parca.profilestore.v1alpha1.WriteRawRequest` as JSON: the gateway before Parca's gRPC server reads
//! nothing else, and no compressed bodies, so the pprof in it is compressed. Labels are a `LabelSet` message there.
//! What a series must have: a name; labels with names of letters, digits and `_`, none of them twice. Of a profile:
//! ids in order from 1, types that can stand in a query; a profile without a period's type ends the server. It keeps no
//! labels of samples: samples with other labels are another series.
//!
//! Addresses are those that files state (`normalized`), as Parca looks them up.

#[cfg(test)]
mod tests;

use super::labels::Rules;
use super::profile_name::{profile_name, settle_types};
use super::series::by_labels;
use super::split::{Limits, Room, split};
use super::told::{self, Told};
use super::{Answer, Part, Series, Verdict, base64};
use crate::pprof::mappings::{Symbols, symbols};
use crate::pprof::packed;
use crate::subset::Subset;
use crate::{Error, Pprof, Profile, Sample};

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
    RULES.fit_samples(&mut profile, 0)?;
    let name = profile_name(&profile);
    let groups = by_labels(std::mem::take(&mut profile.samples));
    let symbols = symbols(&profile);
    let mut subset = Subset::new(&profile);
    let (mut parts, mut room) = (Vec::new(), Room::new());
    let mut request = Request::new();
    for group in groups {
        let labels = RULES.of_samples(series, &group[0].labels, name)?;
        let plain = plain(&mut subset, &group, &symbols);
        let pieces = if plain.len() <= LIMITS.bytes {
            room.take(plain.len())?;
            vec![(plain, group)]
        } else {
            pieces(&mut subset, group, &mut room)?
        };
        for (plain, samples) in pieces {
            if !request.fits(plain.len()) {
                let full = std::mem::replace(&mut request, Request::new());
                parts.push(full.part(|samples| subset.take(samples)));
            }
            request.add(&labels, &plain, samples);
        }
    }
    // All in one request is the common case.
    let last = if parts.is_empty() {
        request.part(|samples| Profile { samples, ..profile })
    } else {
        request.part(|samples| subset.take(samples))
    };
    parts.push(last);
    Ok(parts)
}

/// The pprof of samples without their labels.
fn plain(subset: &mut Subset<'_>, samples: &[Sample], symbols: &[Symbols]) -> Vec<u8> {
    for sample in samples {
        subset.need(sample);
    }
    subset.settle();
    let plain = PPROF.plain_of(subset, samples, symbols);
    subset.clear();
    plain
}

/// Some samples with the same labels, and their pprof.
type Piece = (Vec<u8>, Vec<Sample>);

/// Samples with the same labels that are too many for one request.
fn pieces(
    subset: &mut Subset<'_>,
    group: Vec<Sample>,
    room: &mut Room,
) -> Result<Vec<Piece>, Error> {
    let pieces = split(subset.take(group.clone()), LIMITS, room)?;
    let mut group = group.into_iter();
    let mut piece = |piece: Profile| {
        let samples = group.by_ref().take(piece.samples.len()).collect();
        (PPROF.plain(&piece), samples)
    };
    Ok(pieces.into_iter().map(&mut piece).collect())
}

/// Labels are the series'.
const PPROF: Pprof = Pprof { gzip: true, labels: false, quality: false, main: None };

/// A request to be.
struct Request {
    /// The body so far.
    body: String,
    /// What its profiles take, not compressed.
    bytes: usize,
    /// Their samples, with labels.
    samples: Vec<Sample>,
}

impl Request {
    fn new() -> Self {
        let body = r#"{"normalized":true,"series":["#.to_owned();
        Self { body, bytes: 0, samples: Vec::new() }
    }

    /// Whether a profile of this size may go along.
    fn fits(&self, bytes: usize) -> bool {
        self.samples.is_empty() || self.bytes + bytes <= LIMITS.bytes
    }

    /// Adds a series with a profile, which has these samples.
    fn add(&mut self, labels: &[(String, String)], plain: &[u8], samples: Vec<Sample>) {
        if !self.samples.is_empty() {
            self.body.push(',');
        }
        let pair =
            |(name, value): &(String, String)| serde_json::json!({ "name": name, "value": value });
        let labels = serde_json::Value::from_iter(labels.iter().map(pair));
        self.body
            .push_str(&format!(r#"{{"labels":{{"labels":{labels}}},"samples":[{{"rawProfile":""#));
        self.body.push_str(&base64(&packed(plain)));
        self.body.push_str(r#""}]}"#);
        self.bytes += plain.len();
        self.samples.extend(samples);
    }

    /// With a profile made of its samples.
    fn part(mut self, profile: impl FnOnce(Vec<Sample>) -> Profile) -> Part {
        self.body.push_str("]}");
        Part { profile: profile(self.samples), body: self.body.into_bytes() }
    }
}

/// What an answer means. Errors are those of gRPC's gateway, with gRPC's codes by number.
///
/// Sent again is what may be over soon: unavailable, out of time, exhausted (but for a message that is too large),
/// aborted, internal, and errors without a code of their own, which are those of its store.
pub(super) fn judge(answer: &Answer) -> Verdict {
    let status = answer.status;
    if (200..300).contains(&status) {
        return told::success(answer, CONTENT_TYPE, "Parca");
    }
    let told = Told::read(answer);
    let code = told.as_ref().and_then(|told| told.code.as_i64());
    let (Some(told), Some(code)) = (&told, code) else {
        return told::failure(answer, "Parca");
    };
    let text = format!("{} ({status}): {}", word(code), told.message);
    match word(code) {
        "resource exhausted" if told.message.contains("larger than max") => Verdict::Refused(text),
        "unknown" if told.message.starts_with("invalid profile type") => Verdict::Refused(text),
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

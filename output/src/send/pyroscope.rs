//! Bodies for Grafana Pyroscope, its limits, and what its answers mean.
//!
//! A body is a `push.v1.PushRequest` with one series of one profile: a unary call of the Connect protocol, which
//! compresses the whole of it, so the pprof in it is not compressed again. Pyroscope's own clients do the same.
//!
//! What its server does, and what is done about it here:
//! - Profiles of more than 16,000 samples or 4 MiB are refused. So are, for ever, those beyond the burst of its
//!   default rate limit, 2 MiB of profile and labels: parts stay below that.
//! - Profiles of one series and one time are taken for copies of each other, and all but one are dropped when blocks
//!   are merged. So each further part's time is a millisecond later; and parts that failed and are split anew have
//!   other times than those that arrived.
//! - Frames without a name vanish from its graphs, and samples with one at address 0 are dropped. So frames that
//!   nobody will name later are called `[unknown]`.
//! - Of stacks of more than 1,000 frames it drops the leaf's end. So they are cut here, at the root's end, and marked.
//! - Numbers are dropped from labels, so they become texts; negative values are dropped with their samples, so they
//!   are an error.

mod stacks;
#[cfg(test)]
mod tests;
mod wire;

use super::labels::Rules;
use super::profile_name::{profile_name, settle_types};
use super::series::{by_service, name_service};
use super::split::{Limits, Room, split};
use super::told::{self, Told};
use super::{Answer, Part, Series, Verdict};
use crate::{Error, Pprof, Profile};
use flate2::Crc;
use prost::Message;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Path of the request below the endpoint's base.
pub(super) const PATH: &str = "/push.v1.PusherService/Push";
/// Type of the body.
pub(super) const CONTENT_TYPE: &str = "application/proto";
/// Whether the client compresses the body (gzip, told in `Content-Encoding`).
pub(super) const COMPRESS: bool = true;
/// Further headers of each request.
pub(super) const HEADERS: &[(&str, &str)] = &[("Connect-Protocol-Version", "1")];

/// Thirty labels with names and values of the largest size fit beside a profile into 2 MiB.
const LIMITS: Limits = Limits { samples: 16_000, bytes: (2 << 20) - (96 << 10) };
const RULES: Rules =
    Rules { backend: "Pyroscope", dots: true, negative: false, name: 1024, value: 2048, count: 30 };
/// Frames of a stack at most.
const FRAMES: usize = 1_000;
/// How far parts stand apart, in nanoseconds.
const STEP: i64 = 1_000_000;
/// Profiles from before this are refused, in nanoseconds.
const OLDEST: i64 = 3_600 * 1_000_000_000;
/// Profiles from further ahead than this are refused, in nanoseconds.
const NEWEST: i64 = 600 * 1_000_000_000;

/// The profile's parts.
pub(super) fn parts(mut profile: Profile, series: &Series) -> Result<Vec<Part>, Error> {
    settle_types(&mut profile, RULES.backend)?;
    let keys = RULES.fit_samples(&mut profile, 2 + series.labels.len())?;
    stacks::name_unknown(&mut profile);
    stacks::cut(&mut profile, FRAMES);
    let name = profile_name(&profile);
    let (mut parts, mut room) = (Vec::new(), Room::new());
    by_service(profile, &keys, &series.service_name, |service, profile| {
        let labels = RULES.of_series(series, service, name)?;
        let profiles = split(profile, LIMITS, &mut room)?;
        let offset = offset(&profiles);
        for (mut profile, step) in profiles.into_iter().zip(0..) {
            if profile.time_nanos > 0 {
                profile.time_nanos = profile.time_nanos.saturating_add(step * STEP + offset);
            }
            let body = body(&profile, &labels);
            name_service(&mut profile, service, &series.service_name);
            parts.push(Part { profile, body });
        }
        Ok(())
    })?;
    Ok(parts)
}

/// How much later than the profile its parts are, below a step: by what is in it, so that it is the same each time,
/// and other for a profile made of some of the parts. One part alone has the profile's time.
fn offset(parts: &[Profile]) -> i64 {
    if parts.len() < 2 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    let samples = parts.iter().flat_map(|part| &part.samples);
    samples.for_each(|sample| sample.values.hash(&mut hasher));
    (hasher.finish() % STEP as u64) as i64
}

fn body(profile: &Profile, labels: &[(String, String)]) -> Vec<u8> {
    let raw_profile = Pprof { quality: false, ..Pprof::default() }.plain(profile);
    let id = id(&raw_profile, labels, (profile.time_nanos, profile.duration_nanos));
    let labels = labels
        .iter()
        .map(|(name, value)| wire::LabelPair { name: name.clone(), value: value.clone() })
        .collect();
    let sample = wire::RawSample { raw_profile, id };
    let series = vec![wire::RawProfileSeries { labels, samples: vec![sample] }];
    wire::PushRequest { series }.encode_to_vec()
}

/// A UUID for a part, made of what is in it (version 8 of RFC 9562: by a rule of one's own).
///
/// The same part has the same one each time that it is sent; others differ at least in their time or labels. The
/// server only writes it into its log.
fn id(profile: &[u8], labels: &[(String, String)], time: (i64, i64)) -> String {
    let mut sum = Crc::new();
    sum.update(profile);
    let mut hasher = DefaultHasher::new();
    (sum.sum(), profile.len(), labels, time).hash(&mut hasher);
    let low = hasher.finish();
    time.hash(&mut hasher);
    let high = hasher.finish();
    let bits = u128::from(high) << 64 | u128::from(low);
    let bits = bits & !(0xf << 76) | 0x8 << 76;
    let bits = bits & !(0x3 << 62) | 0x2 << 62;
    let (a, b, c) = (bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", bits >> 48 & 0xffff, bits & 0xffff_ffff_ffff)
}

/// Why Pyroscope would refuse the profile for its time; a profile without one gets that of its arrival.
pub(super) fn stale(profile: &Profile, now_nanos: i64) -> Option<String> {
    let age = now_nanos.saturating_sub(profile.time_nanos);
    let minutes = age.unsigned_abs() / 60_000_000_000;
    if profile.time_nanos == 0 {
        None
    } else if age >= OLDEST {
        Some(format!(
            "the profile began {minutes} minutes ago, and Pyroscope refuses those older than an hour, unless its \
             validation.reject-older-than is set higher"
        ))
    } else if age <= -NEWEST {
        Some(format!(
            "the profile's time is {minutes} minutes ahead, and Pyroscope refuses more than 10: the clocks differ"
        ))
    } else {
        None
    }
}

/// What an answer means.
///
/// Sent again is what Grafana's own agent sends again: unavailable, out of time, over a rate, aborted, and faults of
/// the server; a part that the server keeps on failing with ends with the time for all attempts.
pub(super) fn judge(answer: &Answer) -> Verdict {
    let status = answer.status;
    if (200..300).contains(&status) {
        return told::success(answer, CONTENT_TYPE, "Pyroscope");
    }
    let told = Told::read(answer);
    let code = told.as_ref().and_then(|told| told.code.as_str());
    let (Some(told), Some(code)) = (&told, code) else {
        return told::failure(answer, "Pyroscope");
    };
    let text = format!("{} ({status}): {}", told::one_line(code), told.message);
    match code {
        "unavailable" | "deadline_exceeded" | "resource_exhausted" | "aborted" | "internal"
        | "unknown" | "data_loss" => Verdict::Retry(text),
        _ => Verdict::Refused(text),
    }
}

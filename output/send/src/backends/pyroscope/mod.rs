//! Bodies for Grafana Pyroscope, its limits, and the meaning of its answers.
//!
//! A body is a `push.v1.PushRequest` with one series of one profile: a unary call of the Connect protocol. The protocol compresses the
//! whole body, so the pprof in it is not compressed again. Pyroscope's own clients do the same.
//!
//! The behaviour of its server, and the answer to it here:
//! - It refuses profiles of more than 16,000 samples or 4 MiB. It also refuses, for ever, profiles beyond the burst of its default rate
//!   limit: 2 MiB of profile and labels. So parts stay below that.
//! - It takes profiles of one series and one time for copies, and drops all but one when it merges blocks. So the time of each further
//!   part is a millisecond later. Failed parts that are split again have other times than those that arrived.
//! - It leaves unnamed frames out of its graphs, and drops samples with an unnamed frame at address 0. So frames that cannot be named
//!   later are called `[unknown]`.
//! - It drops the leaf end of stacks with more than 1,000 frames. So they are cut here, at the root end, and marked.
//! - It drops numeric labels, so they become text. It drops samples with negative values, so these are an error.

#[cfg(test)]
mod fields;
mod stacks;
#[cfg(test)]
mod tests;
mod wire;

use super::answers::{self, ErrorBody};
use super::rules::Rules;
use crate::exchange::{Answer, Exchange, Request, Verdict};
use crate::part::{Body, Samples};
use crate::prepare::labels::LabelRules;
use crate::prepare::parallel;
use crate::prepare::profile_name::{profile_name, settle_types};
use crate::prepare::samples::by_service;
use crate::prepare::split::{Limits, Meter, Room, split};
use crate::{Part, Series};
use flate2::Crc;
use output::lean::Lean;
use output::pprof::{Common, Parts};
use output::tell::comments;
use output::{Error, Profile};
use prost::Message;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The rules of this backend.
pub(super) static RULES: Rules = Rules {
    exchange: Exchange {
        request: Request {
            path: "/push.v1.PusherService/Push",
            content_type: CONTENT_TYPE,
            compress: true,
            headers: &[("Connect-Protocol-Version", "1")],
        },
        judge,
    },
    parts,
    stale,
};
/// The type of bodies and answers.
const CONTENT_TYPE: &str = "application/proto";

/// A profile of this size and thirty labels of the largest size take 2 MiB.
const LIMITS: Limits = Limits { samples: 16_000, bytes: (2 << 20) - (96 << 10) };
const LABELS: LabelRules = LabelRules {
    backend: "Pyroscope",
    dots: true,
    negative: false,
    name: 1024,
    value: 2048,
    count: 30,
};
/// The number of frames that a stack may have.
const FRAMES: usize = 1_000;
/// The time between parts, in nanoseconds.
const STEP: i64 = 1_000_000;
/// The age from which profiles are refused, in nanoseconds.
const OLDEST: i64 = 3_600 * 1_000_000_000;
/// Profiles that are this far ahead of the present are refused, in nanoseconds.
const NEWEST: i64 = 600 * 1_000_000_000;

/// The profile's parts.
fn parts(mut lean: Lean, series: &Series) -> Result<Vec<Part>, Error> {
    settle_types(&mut lean.tables, LABELS.backend)?;
    let keys = LABELS.fit_samples(&mut lean, 2 + series.labels.len())?;
    stacks::name_unknown(&mut lean.tables);
    stacks::cut(&mut lean, FRAMES);
    let services = by_service(&mut lean, &keys, &series.service_name);
    let lean = Arc::new(lean);
    let comments = comments(&lean.tables);
    let common = Common::new(&lean, &comments);
    let drafts = drafts(&lean, &common, services, series)?;
    let encode = |encoder: &mut Parts<'_>, Draft { labels, samples }: Draft| {
        let time_nanos = samples.time_nanos.unwrap_or(lean.tables.time_nanos);
        let raw_profile = encoder.plain(&samples.rows, time_nanos);
        let times = (time_nanos, lean.tables.duration_nanos);
        Part { body: Body::Whole(body(raw_profile, &labels, times)), samples }
    };
    Ok(parallel::each(drafts, || Parts::new(&common, true), encode))
}

/// A part that is not encoded yet.
struct Draft {
    labels: Vec<(String, String)>,
    samples: Samples,
}

fn drafts(
    lean: &Arc<Lean>,
    common: &Common<'_>,
    services: Vec<(String, Vec<u32>)>,
    series: &Series,
) -> Result<Vec<Draft>, Error> {
    let name = profile_name(&lean.tables);
    let (mut meter, mut room) = (Meter::new(lean, common), Room::new());
    let mut drafts = Vec::new();
    for (service, rows) in services {
        let labels = LABELS.of_series(series, &service, name)?;
        let parts = split(&mut meter, rows, LIMITS, &mut room)?;
        let offset = offset(lean, &parts);
        for (rows, step) in parts.into_iter().zip(0..) {
            let mut samples = Samples::new(lean, rows);
            if lean.tables.time_nanos > 0 {
                let later = step * STEP + offset;
                samples.time_nanos = Some(lean.tables.time_nanos.saturating_add(later));
            }
            samples.service = Some(&service).filter(|name| **name != series.service_name).cloned();
            drafts.push(Draft { labels: labels.clone(), samples });
        }
    }
    Ok(drafts)
}

/// The time that is added to all parts, less than a step. It depends on the content: it is the same each time, but differs for a profile
/// made from some of the parts. A single part has the profile's time.
fn offset(lean: &Lean, parts: &[Vec<u32>]) -> i64 {
    if parts.len() < 2 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    parts.iter().flatten().for_each(|row| lean.values(*row).hash(&mut hasher));
    (hasher.finish() % STEP as u64) as i64
}

fn body(raw_profile: Vec<u8>, labels: &[(String, String)], times: (i64, i64)) -> Vec<u8> {
    let id = id(&raw_profile, labels, times);
    let labels = labels
        .iter()
        .map(|(name, value)| wire::LabelPair { name: name.clone(), value: value.clone() })
        .collect();
    let sample = wire::RawSample { raw_profile, id };
    let series = vec![wire::RawProfileSeries { labels, samples: vec![sample] }];
    wire::PushRequest { series }.encode_to_vec()
}

/// A UUID for a part, made from its content (version 8 of RFC 9562).
///
/// A part has the same UUID each time that it is sent. Two parts differ at least in their time or labels. The server only writes the UUID
/// into its log.
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

/// The reason why Pyroscope would refuse the profile because of its time. A profile without a time gets the time of its arrival.
fn stale(profile: &Profile, now_nanos: i64) -> Option<String> {
    let age = now_nanos.saturating_sub(profile.time_nanos);
    let minutes = age.unsigned_abs() / 60_000_000_000;
    if profile.time_nanos == 0 {
        None
    } else if age >= OLDEST {
        Some(format!(
            "the profile began {minutes} minutes ago, and Pyroscope refuses profiles older than an hour, unless its \
             validation.reject-older-than is higher"
        ))
    } else if age <= -NEWEST {
        Some(format!(
            "the profile's time is {minutes} minutes ahead, and Pyroscope refuses more than 10: check the clocks"
        ))
    } else {
        None
    }
}

/// The meaning of an answer.
///
/// The errors that allow another attempt are those of Grafana's own agent: unavailable, deadline exceeded, rate limit, aborted, and
/// server faults. If the server keeps failing, the attempts end with the time limit.
fn judge(answer: &Answer) -> Verdict {
    answers::judge(answer, ("Pyroscope", CONTENT_TYPE), failure)
}

fn failure(status: u16, error: &ErrorBody) -> Option<Verdict> {
    let code = error.code.as_str()?;
    let text = format!("{} ({status}): {}", answers::one_line(code), error.message);
    Some(match code {
        "unavailable" | "deadline_exceeded" | "resource_exhausted" | "aborted" | "internal"
        | "unknown" | "data_loss" => Verdict::Retry(text),
        _ => Verdict::Refused(text),
    })
}

//! Bodies as an independent reader sees them, and what answers mean.

use super::fields::{all, fields, one};
use super::*;
use crate::{Backend, prepare, stale};
use output::pprof::{self, read};
use output::testing::random::{random, sums};
use output::testing::{frame, profile, small, stack};
use output::{FrameKind, Label, LabelValue, Trust};
use std::collections::BTreeSet;

fn series() -> Series {
    let allowed = ["service_name", "comm", "container_id", "unit"].map(String::from).to_vec();
    Series { service_name: "shop".into(), labels: vec![("region".into(), "eu".into())], allowed }
}

fn pushed(profile: &Profile) -> Vec<Part> {
    prepare(Backend::Pyroscope, profile, &series()).unwrap()
}

/// The contents of a body: labels in one line, the id, and the profile.
fn opened(body: &[u8]) -> (String, String, Profile) {
    let series = one(body, 1);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let pair = |pair: &[u8]| {
        assert_eq!(fields(pair).len(), 2);
        format!("{}={}", text(one(pair, 1)), text(one(pair, 2)))
    };
    let labels: Vec<String> = all(series, 1).into_iter().map(pair).collect();
    let sample = one(series, 2);
    let raw = one(sample, 1);
    assert!(raw.len() <= LIMITS.bytes);
    let profile = read(raw, pprof::Limits::default()).unwrap();
    (labels.join(" "), text(one(sample, 2)), profile)
}

#[test]
fn a_body_is_a_series_with_one_profile() {
    let parts = pushed(&small());
    assert_eq!(parts.len(), 1);
    let (labels, id, profile) = opened(&parts[0].body());
    assert_eq!(labels, "__name__=process_cpu region=eu service_name=shop");
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
    assert!(id.as_bytes()[14] == b'8' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
    assert_eq!(sums(&profile), sums(&small()));
    assert_eq!(profile.period_type, small().period_type);
    assert_eq!(profile.time_nanos, small().time_nanos);
    assert_eq!(pushed(&small())[0].content(), parts[0].content(), "the same each time");
}

#[test]
fn samples_have_allowed_labels_only_and_nothing_about_quality() {
    let (_, _, profile) = opened(&pushed(&small())[0].body());
    let keys: BTreeSet<&str> = profile
        .samples
        .iter()
        .flat_map(|sample| &sample.labels)
        .map(|label| label.key.as_str())
        .collect();
    assert_eq!(keys, BTreeSet::from(["comm"]));
    assert!(profile.samples.iter().all(|sample| !sample.marks.truncated));
    // The part itself keeps what is known, for a file.
    assert!(pushed(&small())[0].profile().samples.iter().any(|sample| sample.marks.truncated));
}

#[test]
fn parts_are_under_the_limits_have_times_of_their_own_and_are_the_whole() {
    let stacks: Vec<_> = (0..33_000).map(|n| stack(&["main", &format!("f{n}")], n)).collect();
    let whole = profile(&stacks);
    let parts = pushed(&whole);
    assert!(parts.len() >= 3, "{}", parts.len());
    let mut together = vec![0; 2];
    let (mut ids, mut times) = (BTreeSet::new(), BTreeSet::new());
    for part in &parts {
        let (labels, id, profile) = opened(&part.body());
        assert!(labels.contains("service_name=shop"));
        assert!(profile.samples.len() <= LIMITS.samples);
        assert_eq!(sums(&profile), sums(&part.profile()));
        together.iter_mut().zip(sums(&profile)).for_each(|(sum, part)| *sum += part);
        ids.insert(id);
        times.insert(profile.time_nanos / 1_000_000);
    }
    assert_eq!(together, sums(&whole));
    assert_eq!((ids.len(), times.len()), (parts.len(), parts.len()));
    assert_eq!(times.first(), Some(&(whole.time_nanos / 1_000_000)));
}

#[test]
fn random_profiles_arrive_whole() {
    for seed in 0..40 {
        let whole = random(seed);
        let parts = pushed(&whole);
        assert_eq!(parts.len(), 1);
        let (_, _, profile) = opened(&parts[0].body());
        assert_eq!(sums(&profile), sums(&whole), "seed {seed}");
        let nameless = |location: &&output::Location| location.lines.is_empty();
        let waiting = profile.locations.iter().filter(nameless);
        assert!(waiting.clone().all(|location| location.mapping.is_some()), "seed {seed}");
    }
}

#[test]
fn frames_that_nobody_will_name_are_called_unknown() {
    let mut mixed = stack(&["main", ""], 1);
    mixed.frames.push(frame("", FrameKind::Unknown, Trust::Sure));
    mixed.frames.push(frame("", FrameKind::Kernel, Trust::Sure));
    let names = |profile: &Profile| {
        let (_, _, read) = opened(&pushed(profile)[0].body());
        let frames = read.samples[0].frames.iter().rev();
        let name = |frame: &output::FrameRef| {
            let lines = &read.locations[frame.location.0 as usize].lines;
            lines.first().map(|line| read.functions[line.function.0 as usize].name.clone())
        };
        frames.map(name).map(Option::unwrap_or_default).collect::<Vec<_>>()
    };
    assert_eq!(names(&profile(&[mixed.clone()])), ["main", "[unknown]", "[unknown]", "[unknown]"]);
    // Of this file no code has a name: the backend may find them.
    mixed.frames.remove(0);
    assert_eq!(names(&profile(&[mixed])), ["", "[unknown]", "[unknown]"]);
}

#[test]
fn functions_without_a_name_have_one() {
    let mut whole = profile(&[stack(&["main", "linked", "leaf"], 1)]);
    for function in &mut whole.functions {
        let name = std::mem::take(&mut function.name);
        function.system_name = if name == "linked" { name } else { String::new() };
    }
    let (_, _, read) = opened(&pushed(&whole)[0].body());
    let mut names: Vec<&str> = read.functions.iter().map(|f| f.name.as_str()).collect();
    names.dedup();
    assert_eq!(names, ["[unknown]", "linked"]);
}

#[test]
fn deep_stacks_keep_their_leaf() {
    let names: Vec<String> = (0..1_500).map(|n| format!("f{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let parts = pushed(&profile(&[stack(&names, 7)]));
    let (_, _, read) = opened(&parts[0].body());
    assert_eq!(read.samples[0].frames.len(), 1_000);
    let leaf = &read.locations[read.samples[0].frames[0].location.0 as usize];
    assert_eq!(read.functions[leaf.lines[0].function.0 as usize].name, "f1499");
    assert!(parts[0].profile().samples[0].marks.truncated);
    assert!(read.comments.iter().any(|c| c.contains("cut to 1000 frames")), "{:?}", read.comments);
}

#[test]
fn services_that_samples_name_have_a_series_each() {
    let mut whole = small();
    let value = LabelValue::Text("other".into());
    whole.samples[0].labels.push(Label { key: "service_name".into(), value });
    whole.samples[0].labels.sort();
    let parts = pushed(&whole);
    let labels: Vec<String> = parts.iter().map(|part| opened(&part.body()).0).collect();
    assert!(labels[0].ends_with("service_name=other"), "{labels:?}");
    assert!(labels[1].ends_with("service_name=shop"), "{labels:?}");
    assert_eq!(parts[0].profile().samples.len(), 1);
    // A part that fails is sent again as it is here: under the same name.
    let again: Vec<String> = parts
        .iter()
        .flat_map(|part| pushed(&part.profile()))
        .map(|part| opened(&part.body()).0)
        .collect();
    assert_eq!(again, labels);
}

#[test]
fn parts_that_are_split_again_have_other_times_than_those_that_arrived() {
    let stacks: Vec<_> = (0..70_000).map(|n| stack(&["main", &format!("f{n}")], n)).collect();
    let times = |parts: &[Part]| parts.iter().map(|part| part.profile().time_nanos).collect();
    let parts = pushed(&profile(&stacks));
    let all: BTreeSet<i64> = times(&parts);
    assert!(parts.len() >= 5 && all.len() == parts.len(), "{}", parts.len());
    // Three failed, and stand in one file from the time of their first.
    let count = parts[1..4].iter().map(|part| part.profile().samples.len()).sum();
    let time_nanos = parts[1].profile().time_nanos;
    let again = pushed(&Profile { time_nanos, ..profile(&stacks[..count]) });
    assert!(again.len() > 1 && times(&again).is_disjoint(&all), "{all:?}");
    // One alone may have arrived, and is the same.
    assert_eq!(
        times(&pushed(&parts[2].profile())),
        BTreeSet::from([parts[2].profile().time_nanos])
    );
}

#[test]
fn what_pyroscope_would_refuse_or_drop_is_an_error() {
    let refused = |profile: &Profile| {
        prepare(Backend::Pyroscope, profile, &series()).unwrap_err().to_string()
    };
    let mut negative = small();
    negative.samples[0].values[0] = -1;
    assert!(refused(&negative).contains("below zero"));
    let mut odd = small();
    odd.sample_types[0].kind = "alloc-space".into();
    assert!(refused(&odd).contains("alloc-space"));
    let mut bare = small();
    bare.samples.clear();
    assert_eq!(refused(&bare), Error::Empty.to_string());
    let twice = Series { labels: vec![("service_name".into(), "x".into())], ..series() };
    assert!(matches!(prepare(Backend::Pyroscope, &small(), &twice), Err(Error::Unsendable(_))));
}

#[test]
fn old_profiles_are_told_before_they_are_sent() {
    let at = |seconds: i64| {
        let now = small().time_nanos + seconds * 1_000_000_000;
        stale(Backend::Pyroscope, &small(), now)
    };
    assert!(at(0).is_none() && at(3_599).is_none() && at(-599).is_none());
    assert!(at(3_600).unwrap().contains("began 60 minutes ago"));
    assert!(at(-601).unwrap().contains("10 minutes ahead"));
    let timeless = Profile { time_nanos: 0, ..small() };
    assert_eq!(stale(Backend::Pyroscope, &timeless, i64::MAX), None);
    assert_eq!(stale(Backend::Parca, &small(), i64::MAX), None);
}

#[test]
fn answers_mean_what_the_protocol_says() {
    let answer = |status, content_type: &str, body: &str| {
        judge(&Answer { status, content_type: content_type.into(), body: body.into() })
    };
    assert_eq!(answer(200, "application/proto", ""), Verdict::Delivered);
    assert_eq!(answer(200, "", ""), Verdict::Delivered);
    assert!(matches!(answer(200, "text/html", "<html>"), Verdict::Refused(_)));
    let told = |status, code: &str| {
        let body = format!(r#"{{"code":"{code}","message":"be\ncause","details":[]}}"#);
        answer(status, "application/json", &body)
    };
    let again = [
        (503, "unavailable"),
        (429, "resource_exhausted"),
        (504, "deadline_exceeded"),
        (409, "aborted"),
        (500, "internal"),
        (500, "unknown"),
    ];
    for (status, code) in again {
        assert_eq!(told(status, code), Verdict::Retry(format!("{code} ({status}): be cause")));
    }
    let never = [
        (400, "invalid_argument"),
        (401, "unauthenticated"),
        (403, "permission_denied"),
        (404, "not_found"),
        (501, "unimplemented"),
        (400, "out_of_range"),
    ];
    for (status, code) in never {
        assert_eq!(told(status, code), Verdict::Refused(format!("{code} ({status}): be cause")));
    }
    assert!(matches!(answer(502, "text/html", "<b>"), Verdict::Retry(_)));
    assert!(matches!(answer(413, "text/plain", "large"), Verdict::Refused(_)));
    assert_eq!(
        answer(404, "text/plain", "404 page not found\n"),
        Verdict::Refused("no Pyroscope at this address: status 404: 404 page not found".into())
    );
    assert!(matches!(answer(302, "", ""), Verdict::Refused(_)));
}

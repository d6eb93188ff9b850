//! Bodies as JSON readers see them, and what answers mean.

use super::*;
use crate::prepare::samples::strip;
use crate::{Backend, prepare};
use output::Profile;
use output::pprof::{self, read};
use output::testing::random::{self, random, sums};
use output::testing::{profile, small, stack};
use output::{Label, LabelValue};
use serde_json::Value;

fn series() -> Series {
    let labels = vec![("k8s.pod".into(), "a\"b\n".into())];
    Series { service_name: "shop".into(), labels, allowed: vec!["comm".into(), "pid".into()] }
}

/// Base64 to bytes, by the alphabet alone.
fn decoded(text: &str) -> Vec<u8> {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let digit = |byte: &u8| digits.find(char::from(*byte));
        let known: Vec<u32> = chunk.iter().filter_map(digit).map(|digit| digit as u32).collect();
        let bits = known.iter().fold(0, |bits, digit| bits << 6 | digit);
        let bits = bits << (6 * (4 - known.len()));
        bytes.extend((0..known.len() - 1).map(|at| (bits >> (16 - 8 * at)) as u8));
    }
    bytes
}

/// The body, and each series' labels in one line with its profile.
fn opened(body: &[u8]) -> (Value, Vec<(String, Profile)>) {
    let body: Value = serde_json::from_slice(body).unwrap();
    let series = body["series"].as_array().unwrap().iter().map(|series| {
        let pair = |pair: &Value| {
            format!("{}={}", pair["name"].as_str().unwrap(), pair["value"].as_str().unwrap())
        };
        let labels = series["labels"]["labels"].as_array().unwrap();
        let raw = decoded(series["samples"][0]["rawProfile"].as_str().unwrap());
        assert!(raw.starts_with(b"\x1f\x8b"));
        let profile = read(&raw, pprof::Limits::default()).unwrap();
        (labels.iter().map(pair).collect::<Vec<_>>().join(" "), profile)
    });
    let series = series.collect();
    (body, series)
}

fn whole_of(lean: &Lean) -> Profile {
    lean.profile(&lean.all())
}

fn pushed(profile: &Profile) -> Vec<Part> {
    prepare(Backend::Parca, profile, &series()).unwrap()
}

#[test]
fn a_body_is_what_the_gateway_reads() {
    let parts = pushed(&small());
    assert_eq!(parts.len(), 1);
    let (body, profiles) = opened(&parts[0].body());
    let raw = body["series"][0]["samples"][0]["rawProfile"].clone();
    // Numbers become texts.
    let labels = serde_json::json!([
        { "name": "__name__", "value": "process_cpu" },
        { "name": "comm", "value": "prog" },
        { "name": "k8s_pod", "value": "a\"b\n" },
        { "name": "pid", "value": "7" },
        { "name": "service_name", "value": "shop" },
    ]);
    let series = serde_json::json!([
        { "labels": { "labels": labels }, "samples": [{ "rawProfile": raw }] }
    ]);
    assert_eq!(body, serde_json::json!({ "normalized": true, "series": series }));
    let profile = &profiles[0].1;
    assert_eq!(sums(profile), sums(&small()));
    assert!(profile.samples.iter().all(|sample| sample.labels.is_empty()));
    assert_eq!(sums(&parts[0].profile()), sums(&small()));
}

#[test]
fn samples_with_other_labels_are_another_series() {
    let mut whole = small();
    let text =
        |key: &str, text: &str| Label { key: key.into(), value: LabelValue::Text(text.into()) };
    whole.samples[0].labels[0] = text("comm", "other");
    let series = Series { allowed: vec!["comm".into(), "service_name".into()], ..series() };
    whole.samples[1].labels.push(text("service_name", "cart"));
    whole.samples[1].labels.sort();
    let parts = prepare(Backend::Parca, &whole, &series).unwrap();
    let (_, profiles) = opened(&parts[0].body());
    let labels: Vec<_> = profiles
        .iter()
        .map(|(labels, _)| {
            labels.replace("__name__=process_cpu ", "").replace("k8s_pod=a\"b\n ", "")
        })
        .collect();
    let [other, shop, cart] =
        ["other service_name=shop", "prog service_name=shop", "prog service_name=cart"];
    assert_eq!(labels, [other, shop, cart].map(|text| format!("comm={text}")));
    let samples: Vec<_> = profiles.iter().map(|(_, profile)| profile.samples.len()).collect();
    assert_eq!(samples, [1, parts[0].profile().samples.len() - 2, 1]);
    random::same(&[parts[0].profile()], &whole_of(&strip(&whole, &series.allowed).unwrap()));
}

#[test]
fn random_profiles_arrive_whole() {
    for seed in 0..40 {
        let whole = random(seed);
        let parts = pushed(&whole);
        let mut together = vec![0; 2];
        for (_, profile) in opened(&parts[0].body()).1 {
            together.iter_mut().zip(sums(&profile)).for_each(|(sum, part)| *sum += part);
        }
        assert_eq!(together, sums(&whole), "seed {seed}");
        assert_eq!(sums(&parts[0].profile()), sums(&whole), "seed {seed}");
        let again = pushed(&whole);
        assert!(again.iter().map(Part::content).eq(parts.iter().map(Part::content)), "seed {seed}");
    }
}

#[test]
fn what_is_too_large_for_one_request_goes_in_several() {
    let long = |n: i64| format!("{n}{}", "x".repeat(4 << 20));
    let stacks: Vec<_> = (0..9)
        .map(|n| {
            let mut stack = stack(&["main", &long(n % 7)], n + 1);
            stack.tid = n % 2;
            stack
        })
        .collect();
    let whole = profile(&stacks);
    let series = Series { allowed: vec!["tid".into()], ..series() };
    let parts = prepare(Backend::Parca, &whole, &series).unwrap();
    assert!(parts.len() > 1, "{}", parts.len());
    let kept: Vec<Profile> = parts.iter().map(|part| part.profile()).collect();
    for part in &parts {
        let profiles = opened(&part.body()).1;
        let mut together = vec![0; 2];
        for (_, profile) in &profiles {
            together.iter_mut().zip(sums(profile)).for_each(|(sum, part)| *sum += part);
        }
        assert_eq!(together, sums(&part.profile()));
    }
    assert_eq!(kept.iter().flat_map(sums).sum::<i128>(), sums(&whole).iter().sum::<i128>());
}

#[test]
fn differences_go_along_and_odd_types_do_not() {
    let mut whole = small();
    whole.samples[0].values = vec![-3, -30_000_000];
    let parts = prepare(Backend::Parca, &whole, &series()).unwrap();
    assert_eq!(sums(&parts[0].profile()), sums(&whole));
    whole.sample_types[0].unit = "{samples}".into();
    let error = prepare(Backend::Parca, &whole, &series()).unwrap_err();
    assert!(matches!(&error, Error::Unsendable(why) if why.contains("{samples}")), "{error}");
}

#[test]
fn answers_mean_what_the_gateway_says() {
    let answer = |status, content_type: &str, body: &str| {
        judge(&Answer { status, content_type: content_type.into(), body: body.into() })
    };
    assert_eq!(answer(200, "application/json", "{}"), Verdict::Delivered);
    assert!(matches!(answer(200, "text/html", "<html>"), Verdict::Refused(_)));
    let told = |status, code: i32, message: &str| {
        let body = format!(r#"{{"code":{code},"message":"{message}","details":[]}}"#);
        answer(status, "application/json", &body)
    };
    for (status, code) in [(500, 2), (504, 4), (429, 8), (409, 10), (500, 13), (503, 14)] {
        assert!(matches!(told(status, code, "x"), Verdict::Retry(_)), "{code}");
    }
    for (status, code) in [(400, 3), (404, 5), (403, 7), (400, 9), (501, 12), (401, 16)] {
        assert!(matches!(told(status, code, "x"), Verdict::Refused(_)), "{code}");
    }
    assert_eq!(
        told(400, 3, "missing __name__ label"),
        Verdict::Refused("invalid argument (400): missing __name__ label".into())
    );
    let large = "grpc: received message larger than max (80000000 vs. 67108864)";
    assert!(matches!(told(429, 8, large), Verdict::Refused(_)));
    assert!(matches!(answer(503, "text/plain", "no"), Verdict::Retry(_)));
    assert!(matches!(answer(404, "text/plain", "404"), Verdict::Refused(_)));
}

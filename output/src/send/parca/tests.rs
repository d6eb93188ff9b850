//! Bodies as JSON readers see them, and what answers mean.

use super::*;
use crate::pprof::{self, read};
use crate::send::random::{random, sums};
use crate::send::{Backend, prepare};
use crate::testing::small;
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

fn opened(body: &[u8]) -> (Value, Profile) {
    let body: Value = serde_json::from_slice(body).unwrap();
    let raw = body["series"][0]["samples"][0]["rawProfile"].as_str().unwrap();
    let raw = decoded(raw);
    assert!(raw.starts_with(b"\x1f\x8b"));
    let profile = read(&raw, pprof::Limits::default()).unwrap();
    (body, profile)
}

#[test]
fn a_body_is_what_the_gateway_reads() {
    let parts = prepare(Backend::Parca, &small(), &series()).unwrap();
    assert_eq!(parts.len(), 1);
    let (body, profile) = opened(&parts[0].body);
    let raw = body["series"][0]["samples"][0]["rawProfile"].clone();
    let labels = serde_json::json!([
        { "name": "__name__", "value": "process_cpu" },
        { "name": "k8s_pod", "value": "a\"b\n" },
        { "name": "service_name", "value": "shop" },
    ]);
    let series = serde_json::json!([
        { "labels": { "labels": labels }, "samples": [{ "rawProfile": raw }] }
    ]);
    assert_eq!(body, serde_json::json!({ "normalized": true, "series": series }));
    assert_eq!(sums(&profile), sums(&small()));
    // Numbers would be left out.
    let labels = &profile.samples[0].labels;
    assert!(
        labels.iter().any(|l| l.key == "pid" && l.value == crate::LabelValue::Text("7".into()))
    );
    assert!(labels.iter().all(|label| ["comm", "pid"].contains(&label.key.as_str())));
}

#[test]
fn random_profiles_arrive_whole() {
    for seed in 0..40 {
        let whole = random(seed);
        let parts = prepare(Backend::Parca, &whole, &series()).unwrap();
        let (_, profile) = opened(&parts[0].body);
        assert_eq!(sums(&profile), sums(&whole), "seed {seed}");
    }
}

#[test]
fn differences_go_along_and_odd_types_do_not() {
    let mut whole = small();
    whole.samples[0].values = vec![-3, -30_000_000];
    let parts = prepare(Backend::Parca, &whole, &series()).unwrap();
    assert_eq!(sums(&opened(&parts[0].body).1), sums(&whole));
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

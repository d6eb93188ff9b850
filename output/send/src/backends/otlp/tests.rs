//! Parts and answers.

use super::request::Request;
use super::*;
use crate::prepare::samples::strip;
use output::Profile;
use output::testing::random::{random, same};
use output::testing::small;

fn series() -> Series {
    Series {
        service_name: "shop".into(),
        labels: vec![("host.name".into(), "h1".into())],
        allowed: vec!["comm".into()],
    }
}

fn lean(profile: &Profile) -> Lean {
    Lean::new(profile, |_| true).unwrap()
}

#[test]
fn a_small_profile_is_one_part_with_its_series() {
    let parts = parts(lean(&small()), &series()).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].profile(), small());
    let request = Request::read(&parts[0].body());
    let resource = &request.resource_profiles[0].resource;
    let told: Vec<_> = resource
        .attributes
        .iter()
        .map(|pair| format!("{}={}", pair.key, pair.value.as_ref().unwrap().told()))
        .collect();
    assert_eq!(told, ["service.name=\"shop\"", "host.name=\"h1\""]);
}

#[test]
fn parts_are_the_whole_and_none_is_over_the_limit() {
    let mut most = 0;
    for seed in 0..40 {
        let lean = strip(&random(seed), &series().allowed).unwrap();
        let whole = lean.profile(&lean.all());
        let [kind, unit] =
            [0, 1].map(|column| whole.samples.iter().map(|s| s.values[column]).sum::<i64>());
        let limit = 6_000;
        let parts = parts_within(lean, &series(), limit).unwrap();
        let mut sums = [0i64; 2];
        for part in &parts {
            assert!(part.body().len() <= limit, "seed {seed}: {}", part.body().len());
            for (sum, profile) in sums.iter_mut().zip(Request::read(&part.body()).profiles()) {
                *sum += profile.samples.iter().map(|sample| sample.values[0]).sum::<i64>();
            }
        }
        assert_eq!(sums, [unit, kind], "seed {seed}: the default column is first");
        most = most.max(parts.len());
        let profiles: Vec<_> = parts.into_iter().map(|part| part.profile()).collect();
        same(&profiles, &whole);
    }
    assert!(most > 3, "{most}");
}

#[test]
fn a_single_sample_over_the_limit_is_an_error() {
    let error = parts_within(lean(&small()), &series(), 300).unwrap_err();
    assert!(matches!(error, Error::TooLarge(_)), "{error}");
}

#[test]
fn ids_are_new_each_time() {
    let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| random_id()).collect();
    assert_eq!(ids.len(), 1000);
}

fn answer(status: u16, content_type: &str, body: &[u8]) -> Answer {
    Answer { status, content_type: content_type.into(), body: body.to_vec() }
}

/// A protobuf field of text.
fn field(number: u8, text: &str) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2, text.len() as u8];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

#[test]
fn labels_that_would_be_lost_are_refused() {
    let with = |labels: &[&str]| {
        let labels = labels.iter().map(|key| ((*key).to_owned(), "v".to_owned())).collect();
        parts(lean(&small()), &Series { labels, ..series() }).map(|parts| parts.len())
    };
    assert_eq!(with(&["a", "b"]), Ok(1));
    for labels in [&["a", "a"][..], &["service.name"], &[""]] {
        assert!(matches!(with(labels), Err(Error::Unsendable(_))), "{labels:?}");
    }
}

#[test]
fn the_collector_s_words_are_read() {
    // The answer of go.opentelemetry.io/collector/receiver/otlpreceiver v0.162.0.
    let status = [vec![8, 3], field(2, "http: request body too large")].concat();
    assert_eq!(
        judge(&answer(400, CONTENT_TYPE, &status)),
        Verdict::Refused("status 400: http: request body too large".into())
    );
    let json = br#"{"code":16,"message":"no\u0007 key"}"#;
    assert_eq!(
        judge(&answer(401, "application/json", json)),
        Verdict::Refused("status 401: no\u{fffd} key".into())
    );
    assert_eq!(
        judge(&answer(404, "text/plain; charset=utf-8", b"404 page not found\n")),
        Verdict::Refused(format!("status 404: 404 page not found; {NO_PROFILES}"))
    );
}

#[test]
fn four_statuses_are_worth_another_attempt() {
    let retried: Vec<u16> = (100..600)
        .filter(|status| matches!(judge(&answer(*status, "", b"")), Verdict::Retry(_)))
        .collect();
    assert_eq!(retried, [429, 502, 503, 504]);
    let delivered = (100..600).filter(|s| judge(&answer(*s, "", b"")) == Verdict::Delivered);
    assert!(delivered.eq(200..300));
    let status = [vec![8, 14], field(2, "try\nlater")].concat();
    assert_eq!(
        judge(&answer(503, "Application/X-Protobuf", &status)),
        Verdict::Retry("status 503: try later".into())
    );
}

#[test]
fn partial_successes_are_told() {
    let partial = |rejected: u8, text: &str| {
        let inner = [vec![8, rejected], field(2, text)].concat();
        [vec![10, inner.len() as u8], inner].concat()
    };
    assert_eq!(
        judge(&answer(200, CONTENT_TYPE, &partial(2, "too old"))),
        Verdict::Partial("2 profiles were rejected: too old".into())
    );
    assert_eq!(
        judge(&answer(200, "", &partial(1, ""))),
        Verdict::Partial("1 profile was rejected".into())
    );
    let advised = Verdict::Advised("be brief".into());
    assert_eq!(judge(&answer(200, CONTENT_TYPE, &partial(0, "be\nbrief"))), advised);
    assert_eq!(judge(&answer(200, CONTENT_TYPE, &partial(0, ""))), Verdict::Delivered);
    let json = |text: &str| judge(&answer(200, "application/json", text.as_bytes()));
    let two = Verdict::Partial("2 profiles were rejected: too old".into());
    let word = r#""errorMessage":"too\nold""#;
    assert_eq!(json(&format!(r#"{{"partialSuccess":{{"rejectedProfiles":"2",{word}}}}}"#)), two);
    assert_eq!(json(&format!(r#"{{"partialSuccess":{{"rejectedProfiles":2,{word}}}}}"#)), two);
    let brief = r#""errorMessage":"be brief""#;
    assert_eq!(json(&format!(r#"{{"partialSuccess":{{"rejectedProfiles":0,{brief}}}}}"#)), advised);
    assert_eq!(json(&format!(r#"{{"partialSuccess":{{{brief}}}}}"#)), advised);
    for text in [
        "",
        "{}",
        "[]",
        r#"{"partialSuccess":{}}"#,
        r#"{"partialSuccess":{"rejectedProfiles":[]}}"#,
    ] {
        assert_eq!(json(text), Verdict::Delivered, "{text}");
    }
    assert_eq!(judge(&answer(200, CONTENT_TYPE, &[10, 0])), Verdict::Delivered);
    assert_eq!(judge(&answer(200, CONTENT_TYPE, b"")), Verdict::Delivered);
}

#[test]
fn a_web_page_is_no_success() {
    let verdict = judge(&answer(200, "text/html; charset=utf-8", b"<h1>Sign in</h1>"));
    assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
}

#[test]
fn hostile_words_are_bounded_and_clean() {
    let long = format!("\x1b[31mred\r\n{}", "ü".repeat(60_000));
    let Verdict::Refused(text) = judge(&answer(500, "text/plain", long.as_bytes())) else {
        panic!("refused")
    };
    assert!(text.chars().count() <= 320, "{}", text.len());
    assert!(!text.chars().any(char::is_control), "{text:?}");
    for len in 0..64 {
        let noise: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(151) ^ 0x5a).collect();
        for kind in [CONTENT_TYPE, "text/plain", "application/json", ""] {
            judge(&answer(500, kind, &noise));
            judge(&answer(200, kind, &noise));
        }
    }
}

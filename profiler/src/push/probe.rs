//! Checks whether labels can be sent, before there is a profile.

use output::{
    FrameKind, FrameRef, Label, LabelValue, Location, LocationId, Marks, Profile, Sample, Trust,
    ValueType,
};
use send::{Backend, Series, prepare};

/// Prepares a profile of one sample for each backend, with every label that may be sent.
///
/// # Errors
/// The reason why a backend would refuse the labels.
pub(super) fn probe(backends: &[Backend], series: &Series) -> Result<(), String> {
    let profile = profile(&series.allowed);
    backends.iter().try_for_each(|backend| {
        let prepared = prepare(*backend, &profile, series);
        prepared.map(drop).map_err(|error| error.to_string())
    })
}

fn profile(labels: &[String]) -> Profile {
    let value = |kind: &str, unit: &str| ValueType { kind: kind.into(), unit: unit.into() };
    let kind = FrameKind::User;
    let label =
        |key: &String| Label { key: key.clone(), value: LabelValue::Text(String::from("x")) };
    let mut labels: Vec<Label> = labels.iter().map(label).collect();
    labels.sort();
    labels.dedup();
    Profile {
        sample_types: vec![value("samples", "count"), value("cpu", "nanoseconds")],
        period_type: value("cpu", "nanoseconds"),
        locations: vec![Location { mapping: None, address: 1, lines: Vec::new(), kind }],
        samples: vec![Sample {
            frames: vec![FrameRef { location: LocationId(0), trust: Trust::Sure }],
            values: vec![1, 1],
            labels,
            marks: Marks::default(),
        }],
        ..Profile::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use send::Endpoint;

    fn asked(url: &str, label: (&str, &str), allowed: &str) -> Result<(), String> {
        let endpoint = Endpoint::parse(url).unwrap();
        let series = Series {
            service_name: String::from("x"),
            labels: vec![(label.0.into(), label.1.into())],
            allowed: vec![allowed.into()],
        };
        probe(&[endpoint.backend], &series)
    }

    #[test]
    fn each_backend_has_its_rules() {
        let long = "x".repeat(3_000);
        for url in ["pyroscope+http://h", "parca+http://h", "otlp+http://h"] {
            assert_eq!(asked(url, ("region", "eu"), "thread"), Ok(()), "{url}");
        }
        for (label, allowed) in [(("a b", "v"), "x"), (("__x", "v"), "x"), (("a", "v"), "b c")] {
            assert!(asked("pyroscope+http://h", label, allowed).is_err(), "{label:?} {allowed}");
        }
        assert!(asked("pyroscope+http://h", ("a", &long), "x").unwrap_err().contains("2048"));
    }
}

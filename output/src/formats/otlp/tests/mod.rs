//! The encoder, against messages of its own definition.

mod properties;
mod request;
mod told;

use super::Otlp;
use crate::formats::golden::compare;
use crate::model::profile::{FrameKind, Label, LabelValue, Profile, Trust};
use crate::testing::{frame, profile, small, stack};
use crate::{Encode, Error};
use request::Request;
use std::path::Path;

fn otlp() -> Otlp {
    Otlp {
        service_name: "prog".into(),
        first_id: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
        ..Otlp::default()
    }
}

fn encoded(profile: &Profile) -> Request {
    Request::read(&otlp().bytes(profile).unwrap())
}

fn label(key: &str, text: &str) -> Label {
    Label { key: key.into(), value: LabelValue::Text(text.into()) }
}

#[test]
fn golden() {
    let bytes = otlp().bytes(&small()).unwrap();
    compare("otlp.txt", &Request::read(&bytes).told());
}

/// The same as bytes, for decoders in other languages. The scope's version, which no line tells, may be an older one.
#[test]
fn golden_body() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden/otlp.binpb");
    let bytes = otlp().bytes(&small()).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert_eq!(Request::read(&golden).told(), Request::read(&bytes).told());
}

/// The stacks of a profile's samples with attributes and values, sorted.
fn samples(request: &Request, column: usize) -> Vec<String> {
    let mut all = Vec::new();
    for scope in request.resource_profiles.iter().flat_map(|of| &of.scope_profiles) {
        for sample in scope.profiles.get(column).into_iter().flat_map(|p| &p.samples) {
            let stack = request.dictionary.stack(sample.stack_index).join(" < ");
            let attributes = request.dictionary.attributes(&sample.attribute_indices).join(" ");
            all.push(format!("{stack} | {attributes} | {:?}", sample.values));
        }
    }
    all.sort();
    all
}

#[test]
fn the_scope_is_this_program() {
    let request = encoded(&small());
    let scope = &request.resource_profiles[0].scope_profiles[0].scope;
    assert_eq!(
        (scope.name.as_str(), scope.version.as_str()),
        ("bpflame", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_profile_a_sample_type_and_the_default_first() {
    let request = encoded(&small());
    let told: Vec<_> = request
        .profiles()
        .map(|profile| {
            let sum: i64 = profile.samples.iter().flat_map(|sample| &sample.values).sum();
            (request.dictionary.value_type(&profile.sample_type), sum)
        })
        .collect();
    assert_eq!(
        told,
        [("cpu/nanoseconds".to_owned(), 230_000_000), ("samples/count".to_owned(), 23)]
    );
    let heads: Vec<_> = request.profiles().collect();
    for head in heads {
        assert_eq!(head.time_unix_nano, 1_700_000_000_000_000_000);
        assert_eq!((head.duration_nano, head.period), (1_500_000_000, 10_000_000));
    }
}

#[test]
fn frames_are_leaf_first_inlined_ones_innermost_and_have_their_kind() {
    let mut mixed = stack(&["main"], 1);
    mixed.frames.push(frame("inner", FrameKind::User, Trust::Sure).inlined("outer"));
    mixed.frames.push(frame("vfs_read", FrameKind::Kernel, Trust::Sure));
    mixed.frames.push(frame("tick", FrameKind::Jit, Trust::FramePointer));
    mixed.frames.push(frame("", FrameKind::Unknown, Trust::FramePointer));
    let request = encoded(&profile(&[mixed]));
    let stack = request.dictionary.stack(1);
    let ends: Vec<_> =
        stack.iter().map(|words| words.split_once(' ').map_or("", |(_, rest)| rest)).collect();
    assert_eq!(
        ends,
        [
            "",
            "tick :0 profile.frame.type=\"jit\"",
            "[kernel] vfs_read :0 profile.frame.type=\"kernel\"",
            "/usr/bin/prog inner src/prog.c:10 outer src/prog.c:10 profile.frame.type=\"native\"",
            "/usr/bin/prog main src/prog.c:10 profile.frame.type=\"native\"",
        ]
    );
}

#[test]
fn what_spoils_a_stack_is_an_attribute_and_no_text() {
    let mut spoilt = stack(&["main"], 1);
    spoilt.frames.push(frame("asm", FrameKind::User, Trust::Guessed));
    spoilt.marks.truncated = true;
    spoilt.marks.caller_may_be_missing = true;
    // For a profile that was read from a file, only the number of guessed frames is known.
    spoilt.marks.guessed_frames = 2;
    let request = encoded(&profile(&[spoilt]));
    let sample = &request.profiles().next().unwrap().samples[0];
    let told = request.dictionary.attributes(&sample.attribute_indices);
    assert_eq!(
        told[4..],
        [
            "bpflame.guessed_frames=3{frame}",
            "bpflame.truncated=true",
            "bpflame.caller_may_be_missing=true"
        ]
    );
    assert_eq!(
        told[..4],
        ["process.pid=7", "process.title=\"prog\"", "thread.id=1", "thread.name=\"worker-1\""]
    );
}

#[test]
fn samples_that_differ_in_trust_alone_are_one() {
    let sure = |trust| {
        let mut sure = stack(&["main"], 2);
        sure.frames.push(frame("work", FrameKind::User, trust));
        sure
    };
    let request = encoded(&profile(&[sure(Trust::Sure), sure(Trust::FramePointer)]));
    let values: Vec<_> = request.profiles().map(|p| p.samples[0].values[0]).collect();
    assert_eq!(values, [40_000_000, 4]);
}

#[test]
fn where_code_ran_is_a_resource() {
    let mut own = profile(&[stack(&["a"], 1), stack(&["b"], 2), stack(&["c"], 4)]);
    own.samples[0].labels = vec![label("container_id", "c1"), label("service_name", "web")];
    own.samples[1].labels = vec![label("container_id", "c1"), label("comm", "x")];
    own.samples[2].labels = vec![label("container_id", "")];
    let attributes =
        vec![("host.name".into(), "h".into()), ("service.name".into(), "never".into())];
    let bytes = Otlp { attributes, ..otlp() }.bytes(&own).unwrap();
    let request = Request::read(&bytes);
    let told: Vec<_> = request
        .resource_profiles
        .iter()
        .map(|of| {
            let value = |key: &str| {
                let pair = of.resource.attributes.iter().find(|pair| pair.key == key);
                pair.map_or(String::new(), |pair| pair.value.as_ref().unwrap().told())
            };
            let sum: i64 =
                of.scope_profiles[0].profiles[1].samples.iter().map(|s| s.values[0]).sum();
            assert_eq!(value("host.name"), "\"h\"");
            assert_eq!(of.resource.dropped_attributes_count, 1);
            (value("service.name"), value("container.id"), sum)
        })
        .collect();
    let row = |service: &str, container: &str, sum| (service.to_owned(), container.to_owned(), sum);
    let mut expected: Vec<_> = own.samples.iter().map(|sample| sample.values[0]).collect();
    expected.rotate_right(1);
    assert_eq!(
        told,
        [
            row("\"prog\"", "", expected[0]),
            row("\"prog\"", "\"c1\"", expected[2]),
            row("\"web\"", "\"c1\"", expected[1]),
        ]
    );
}

#[test]
fn foreign_labels_keep_their_key_and_several_values_are_a_list() {
    let mut own = profile(&[stack(&["a"], 1)]);
    let bytes = |n| Label { key: "bytes".into(), value: LabelValue::Number(n, "kb".into()) };
    own.samples[0].labels = vec![
        bytes(4),
        bytes(5),
        label("comm", "x"),
        label("kind", "large"),
        label("process.title", "y"),
        label("unit", "a.service"),
    ];
    let request = encoded(&own);
    let sample = &request.profiles().next().unwrap().samples[0];
    assert_eq!(
        request.dictionary.attributes(&sample.attribute_indices),
        [
            "bpflame.unit=\"a.service\"",
            "bytes=[4, 5]kb",
            "kind=\"large\"",
            "process.title=[\"x\", \"y\"]",
        ]
    );
}

#[test]
fn build_ids_say_whose_they_are() {
    let mut own = profile(&[stack(&["a"], 1)]);
    let told = |own: &Profile| {
        let request = encoded(own);
        request.dictionary.attributes(&request.dictionary.mapping_table[1].attribute_indices)[0]
            .clone()
    };
    assert_eq!(told(&own), "process.executable.build_id.gnu=\"c0ffee\"");
    own.mappings[0].build_id = "Zx_1/abc/def/-9".into();
    assert_eq!(told(&own), "process.executable.build_id.go=\"Zx_1/abc/def/-9\"");
    own.mappings[0].build_id = String::new();
    assert_eq!(told(&own), "pprof.mapping.has_functions=true");
}

#[test]
fn a_profile_without_names_says_so() {
    let mut own = small();
    own.locations.iter_mut().for_each(|location| location.lines.clear());
    let request = encoded(&own);
    for mapping in &request.dictionary.mapping_table {
        let told = request.dictionary.attributes(&mapping.attribute_indices);
        assert!(told.iter().all(|attribute| !attribute.starts_with("pprof.mapping")), "{told:?}");
    }
    assert_eq!(request.dictionary.function_table.len(), 1);
}

#[test]
fn what_has_no_value_is_not_there() {
    let mut own = profile(&[stack(&["kept"], 1), stack(&["gone"], 0), stack(&["half"], 3)]);
    own.samples.iter_mut().filter(|s| s.values[0] == 3).for_each(|s| s.values[1] = 0);
    let request = encoded(&own);
    assert_eq!(samples(&request, 0).len(), 1);
    assert_eq!(samples(&request, 1).len(), 2);
    assert!(!request.dictionary.string_table.iter().any(|text| text == "gone"));
    own.samples.iter_mut().for_each(|sample| sample.values.fill(0));
    assert_eq!(otlp().bytes(&own), Err(Error::Empty));
}

#[test]
fn times_and_periods_may_be_unknown() {
    let own = Profile {
        time_nanos: -1,
        duration_nanos: 0,
        period: 0,
        period_type: Default::default(),
        summary: String::new(),
        comments: Vec::new(),
        ..small()
    };
    let request = encoded(&own);
    let profile = request.profiles().next().unwrap();
    assert_eq!((profile.time_unix_nano, profile.period_type.clone()), (0, None));
    assert_eq!(profile.attribute_indices, Vec::<i32>::new());
}

#[test]
fn a_profile_that_does_not_hold_together_is_not_written() {
    let mut broken = small();
    broken.samples[0].frames[0].location.0 = 1_000_000;
    let mut bytes = Vec::new();
    assert!(otlp().encode(&broken, &mut bytes).is_err());
    assert!(bytes.is_empty());
}

#[test]
fn ids_are_never_zero() {
    for first_id in [0, u128::MAX] {
        Request::read(&Otlp { first_id, ..otlp() }.bytes(&small()).unwrap());
    }
}

use super::*;
use crate::model::profile::{FrameRef, Label, LabelValue, Marks, Trust, ValueType};
use crate::model::timeline::{Timeline, Times};

/// Builds a profile of stacks in this order; the names of each are root first.
fn build(stacks: &[(&[&str], i64)]) -> Profile {
    let types = vec![ValueType { kind: "samples".into(), unit: "count".into() }];
    let mut builder = ProfileBuilder::new(Profile { sample_types: types, ..Profile::default() });
    for (names, count) in stacks {
        let mut frames = Vec::new();
        for name in names.iter().rev() {
            let mapping =
                builder.mapping(Mapping { file: format!("/lib/{name}"), ..Mapping::default() });
            let function =
                builder.function(Function { name: (*name).into(), ..Function::default() });
            let location = builder.location(Location {
                mapping: Some(mapping),
                address: 0x1000,
                lines: vec![Line { function, line: 1 }],
                kind: FrameKind::User,
            });
            frames.push(FrameRef { location, trust: Trust::Sure });
        }
        let labels = vec![Label { key: "pid".into(), value: LabelValue::Number(1, String::new()) }];
        builder.sample(Sample { frames, values: vec![*count], labels, marks: Marks::default() });
    }
    builder.finish()
}

#[test]
fn equal_samples_are_one_and_order_of_arrival_does_not_show() {
    let one = build(&[(&["main", "b"], 2), (&["main", "a"], 1), (&["main", "b"], 3)]);
    let other = build(&[(&["main", "a"], 1), (&["main", "b"], 3), (&["main", "b"], 2)]);
    assert_eq!(one, other);
    let mut counts: Vec<_> = one.samples.iter().map(|s| s.values[0]).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 5]);
    one.check().unwrap();
    let leaf = |s: &Sample| {
        let location = &one.locations[s.frames[0].location.0 as usize];
        let mapping = &one.mappings[location.mapping.unwrap().0 as usize];
        (one.functions[location.lines[0].function.0 as usize].name.clone(), mapping.file.clone())
    };
    for sample in &one.samples {
        let (name, file) = leaf(sample);
        assert_eq!(file, format!("/lib/{name}"));
        assert_eq!(name, if sample.values[0] == 5 { "b" } else { "a" });
    }
}

#[test]
fn times_go_where_their_samples_go() {
    let head = Profile { timeline: Some(Timeline::default()), ..Profile::default() };
    let mut builder = ProfileBuilder::new(head);
    let label = |pid| Label { key: "pid".into(), value: LabelValue::Number(pid, "".into()) };
    for (pid, time) in [(3, 1), (1, 2), (1, 3), (2, 4), (3, 5), (1, 6)] {
        let (frames, values) = (Vec::new(), vec![1]);
        let labels = vec![label(pid)];
        let mut times = Times::default();
        times.push(time);
        let sample = Sample { frames, values, labels, marks: Marks::default() };
        builder.timed(sample, SampleTimes::of_event(0, times));
    }
    let profile = builder.finish();
    let times = |times: &SampleTimes| times.rows()[0].1.iter().collect::<Vec<_>>();
    let timeline = profile.timeline.as_ref().unwrap();
    let rows: Vec<_> = profile.samples.iter().zip(&timeline.samples).collect();
    assert_eq!(rows.len(), 3);
    for ((sample, kept), (pid, expected)) in
        rows.into_iter().zip([(1, vec![2, 3, 6]), (2, vec![4]), (3, vec![1, 5])])
    {
        assert_eq!(sample.labels, [label(pid)]);
        assert_eq!((sample.values[0], times(kept)), (expected.len() as i64, expected));
    }
}

#[test]
fn marks_and_labels_keep_samples_apart_and_sums_do_not_wrap() {
    let sample = |pid, truncated, value| Sample {
        frames: Vec::new(),
        values: vec![value],
        labels: vec![Label { key: "pid".into(), value: LabelValue::Number(pid, String::new()) }],
        marks: Marks { truncated, ..Marks::default() },
    };
    let mut samples = vec![
        sample(1, false, i64::MAX),
        sample(1, true, 1),
        sample(2, false, 1),
        sample(1, false, 5),
    ];
    merge_samples(&mut samples);
    assert_eq!(samples, [sample(1, false, i64::MAX), sample(1, true, 1), sample(2, false, 1)]);
}

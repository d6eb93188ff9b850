//! A profile that is over the limits of every backend but OTLP's: 50,000 samples with 20,000 stacks.

use output::{
    Encode, FrameKind, FrameRef, Function, Line, Location, LocationId, Mapping, MappingId, Marks,
    Pprof, Profile, ProfileBuilder, Sample, Trust, ValueType,
};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes it as pprof; it was recorded just now.
pub(crate) fn write(path: &Path) {
    let mut bytes = Vec::new();
    Pprof::default().encode(&profile(), &mut bytes).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn profile() -> Profile {
    let kind = |kind: &str, unit: &str| ValueType { kind: kind.to_owned(), unit: unit.to_owned() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let mut builder = ProfileBuilder::new(Profile {
        sample_types: vec![kind("samples", "count"), kind("cpu", "nanoseconds")],
        default_sample_type: 1,
        period_type: kind("cpu", "nanoseconds"),
        period: 10_000_000,
        time_nanos: i64::try_from(now).unwrap(),
        duration_nanos: 10_000_000_000,
        ..Profile::default()
    });
    let file = Mapping {
        start: 0x1000,
        end: 0x1000_0000,
        file: "/usr/bin/large".to_owned(),
        ..Mapping::default()
    };
    let file = builder.mapping(file);
    for sample in 0..50_000u64 {
        let values = vec![1 + sample as i64 % 7, 10_000_000 * (1 + sample as i64 % 7)];
        let frames = frames(&mut builder, file, sample);
        let labels = vec![output::Label {
            key: "comm".to_owned(),
            value: output::LabelValue::Text(format!("worker-{}", sample % 3)),
        }];
        builder.sample(Sample { frames, values, labels, marks: Marks::default() });
    }
    builder.finish()
}

/// Twenty frames: a path from the root that the number's digits choose.
fn frames(builder: &mut ProfileBuilder, file: MappingId, sample: u64) -> Vec<FrameRef> {
    let stack = sample % 20_000;
    let frame = |depth: u64| {
        let width = 1 + depth * depth * 50;
        location(builder, file, depth, stack % width)
    };
    let mut frames: Vec<_> = (0..20).map(frame).collect();
    frames.push(location(builder, file, 20, stack));
    frames.reverse();
    frames.into_iter().map(|location| FrameRef { location, trust: Trust::Sure }).collect()
}

fn location(builder: &mut ProfileBuilder, file: MappingId, depth: u64, which: u64) -> LocationId {
    let number = depth * 100_000 + which;
    let name = format!("large::module_{depth}::Type<{which}>::function_{number}");
    let function = builder.function(Function {
        system_name: name.clone(),
        name,
        file: format!("/usr/src/large/module_{depth}/file_{}.rs", which % 50),
        start_line: 0,
    });
    let line = Line { function, line: 1 + (number % 1000) as i64 };
    let address = 0x1000 + number * 16;
    builder.location(Location {
        mapping: Some(file),
        address,
        lines: vec![line],
        kind: FrameKind::User,
    })
}

//! Random profiles: all that the model says is in the request, and nothing else.

use super::super::Otlp;
use super::request::Request;
use crate::model::profile::{
    FrameKind, FrameRef, Function, FunctionId, Label, LabelValue, Line, Location, LocationId,
    Mapping, MappingId, Marks, Profile, Sample, Trust, ValueType,
};
use crate::testing::random::Dice;
use std::collections::BTreeMap;

fn roll(dice: &mut Dice, sides: usize) -> usize {
    dice.below(sides as u64) as usize
}

fn pick<T: Copy>(dice: &mut Dice, of: &[T]) -> T {
    of[roll(dice, of.len())]
}

/// One of a few names, so that they repeat, the empty one included.
fn name(dice: &mut Dice) -> String {
    pick(dice, &["", "a", "b", "ü\u{0}", "main", "/x/y"]).to_owned()
}

fn location(dice: &mut Dice, functions: usize, mappings: usize) -> Location {
    let line = |dice: &mut Dice| Line {
        function: FunctionId(roll(dice, functions) as u32),
        line: pick(dice, &[0, 7, i64::MAX, -1]),
    };
    let mapping = roll(dice, mappings + 1).checked_sub(1).map(|at| MappingId(at as u32));
    let address = pick(dice, &[0, 1, 0x4000, u64::MAX]) ^ roll(dice, 64) as u64;
    let lines = (0..roll(dice, 4)).map(|_| line(dice)).collect();
    let kind = pick(
        dice,
        &[
            FrameKind::User,
            FrameKind::Kernel,
            FrameKind::Jit,
            FrameKind::Interpreted,
            FrameKind::Unknown,
        ],
    );
    Location { mapping, address, lines, kind }
}

fn sample(dice: &mut Dice, locations: usize, columns: usize) -> Sample {
    let trusts = [Trust::Sure, Trust::Guessed, Trust::FramePointer, Trust::Synthesised];
    let frames = (0..roll(dice, 12)).map(|_| FrameRef {
        location: LocationId(roll(dice, locations) as u32),
        trust: pick(dice, &trusts),
    });
    let frames = frames.collect();
    let mut labels: Vec<_> = (0..roll(dice, 4))
        .map(|_| {
            let key = pick(dice, &["comm", "pid", "service_name", "container_id", "zz"]).to_owned();
            let value = match roll(dice, 3) {
                0 => LabelValue::Number(roll(dice, 3) as i64, name(dice)),
                _ => LabelValue::Text(name(dice)),
            };
            Label { key, value }
        })
        .collect();
    labels.sort();
    let values = (0..columns).map(|_| pick(dice, &[0, 1, 5, 1 << 40, -3])).collect();
    let marks = Marks {
        truncated: roll(dice, 5) == 0,
        caller_may_be_missing: roll(dice, 5) == 0,
        guessed_frames: if roll(dice, 5) == 0 { 3 } else { 0 },
        approximate_lines: if roll(dice, 5) == 0 { 2 } else { 0 },
    };
    Sample { frames, values, labels, marks }
}

fn random(dice: &mut Dice) -> Profile {
    let columns = 1 + roll(dice, 3);
    let (functions, mappings, locations) = (1 + roll(dice, 9), roll(dice, 4), 1 + roll(dice, 40));
    let mut profile = Profile {
        sample_types: (0..columns)
            .map(|at| ValueType { kind: format!("kind{at}"), unit: name(dice) })
            .collect(),
        default_sample_type: roll(dice, columns),
        period_type: ValueType { kind: "cpu".into(), unit: "nanoseconds".into() },
        comments: (0..roll(dice, 3)).map(|_| name(dice)).collect(),
        ..Profile::default()
    };
    for _ in 0..functions {
        let system_name = name(dice);
        let start_line = pick(dice, &[0, 3, i64::MAX]);
        let (name, file) = (name(dice), name(dice));
        profile.functions.push(Function { name, system_name, file, start_line });
    }
    for at in 0..mappings {
        let file = format!("/m{}", at / 2);
        profile.mappings.push(Mapping { file, build_id: name(dice), ..Mapping::default() });
    }
    // Some are there twice, or are all zero.
    profile.locations = (0..locations).map(|_| location(dice, functions, mappings)).collect();
    profile.samples = (0..roll(dice, 60)).map(|_| sample(dice, locations, columns)).collect();
    profile
}

/// A frame of the model, in the form that [`super::request`] gives.
fn frame(profile: &Profile, frame: FrameRef) -> String {
    let location = &profile.locations[frame.location.0 as usize];
    let mut words = format!("{:#x}", location.address);
    if let Some(mapping) = location.mapping {
        words += &format!(" {}", profile.mappings[mapping.0 as usize].file);
    }
    for line in &location.lines {
        let function = &profile.functions[line.function.0 as usize];
        words += &format!(" {} {}:{}", function.name, function.file, line.line);
        if function.start_line != 0 {
            words += &format!(" from {}", function.start_line);
        }
    }
    let kind = match location.kind {
        FrameKind::User if location.mapping.is_some() => "native",
        FrameKind::Kernel => "kernel",
        FrameKind::Jit => "jit",
        FrameKind::Interpreted => "interpreted",
        FrameKind::User | FrameKind::Unknown => return words,
    };
    words + &format!(" profile.frame.type={kind:?}")
}

type Sums = BTreeMap<(String, Vec<String>), i64>;

/// Values by sample type and stack.
fn sums_of_model(profile: &Profile) -> Sums {
    let mut sums = Sums::new();
    for sample in &profile.samples {
        let stack: Vec<_> = sample.frames.iter().map(|f| frame(profile, *f)).collect();
        for (t, value) in profile.sample_types.iter().zip(&sample.values) {
            *sums.entry((format!("{}/{}", t.kind, t.unit), stack.clone())).or_default() += value;
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn sums_of_request(request: &Request) -> Sums {
    let mut sums = Sums::new();
    for profile in request.profiles() {
        let kind = request.dictionary.value_type(&profile.sample_type);
        for sample in &profile.samples {
            let stack = request.dictionary.stack(sample.stack_index);
            *sums.entry((kind.clone(), stack)).or_default() += sample.values[0];
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

#[test]
fn what_is_in_the_model_is_in_the_request() {
    let mut dice = Dice::new(1);
    let mut written = 0;
    for round in 0..150 {
        let profile = random(&mut dice);
        profile.check().unwrap();
        let options = Otlp { service_name: "s".into(), first_id: 77, ..Otlp::default() };
        let Ok(bytes) = options.bytes(&profile) else {
            assert_eq!(sums_of_model(&profile), Sums::new(), "round {round}");
            continue;
        };
        let request = Request::read(&bytes);
        assert_eq!(sums_of_request(&request), sums_of_model(&profile), "round {round}");
        assert_eq!(options.bytes(&profile).unwrap(), bytes, "the same profile, the same bytes");
        written += 1;
    }
    assert!(written > 100, "{written}");
}

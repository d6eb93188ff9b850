//! Random profiles for tests. The same seed gives the same profile.

use super::cpu_time;
use crate::ProfileBuilder;
use crate::model::profile::{
    FrameKind, FrameRef, Function, INTERPRETED, Label, LabelValue, Line, Location, LocationId,
    Mapping, Marks, Profile, Sample, Trust,
};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Random numbers (xorshift).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        dice.below(2);
        dice
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A profile with up to 200 samples before equal ones are merged.
pub fn random(seed: u64) -> Profile {
    let dice = &mut Dice::new(seed);
    let mut builder = ProfileBuilder::new(Profile {
        summary: "random".into(),
        comments: (0..dice.below(4)).map(|n| format!("fact {n}")).collect(),
        ..cpu_time()
    });
    let locations = locations(dice, &mut builder);
    for _ in 0..1 + dice.below(200) {
        let sample = sample(dice, &locations);
        builder.sample(sample);
    }
    builder.finish()
}

fn locations(dice: &mut Dice, builder: &mut ProfileBuilder) -> Vec<LocationId> {
    let functions = 1 + dice.below(200);
    let mut locations = Vec::new();
    for _ in 0..1 + dice.below(400) {
        let kind = dice.pick(&[
            FrameKind::User,
            FrameKind::User,
            FrameKind::Kernel,
            FrameKind::Jit,
            FrameKind::Interpreted,
            FrameKind::Unknown,
        ]);
        let mapping = match kind {
            FrameKind::User => Some(builder.mapping(Mapping {
                start: 0x1000,
                end: dice.below(3) << 40 | 0x9000,
                offset: 0x1000,
                file: format!("/usr/lib/lib{}.so", dice.below(20)),
                build_id: "c0ffee".into(),
            })),
            FrameKind::Kernel => {
                Some(builder.mapping(Mapping { file: "[kernel]".into(), ..Mapping::default() }))
            }
            FrameKind::Interpreted => {
                Some(builder.mapping(Mapping { file: INTERPRETED.into(), ..Mapping::default() }))
            }
            FrameKind::Jit | FrameKind::Unknown => None,
        };
        let depth = if kind == FrameKind::Unknown { 0 } else { dice.below(4) };
        let mut lines = Vec::new();
        for _ in 0..depth {
            let name = format!("function_{}", dice.below(functions));
            let file = dice.pick(&["", "src/main.rs", "src/lib.rs"]).into();
            let start_line = dice.pick(&[0, 0, 700]);
            let system_name = name.clone();
            let function = builder.function(Function { system_name, name, file, start_line });
            lines.push(Line { function, line: dice.below(5000) as i64 });
        }
        let bits = dice.pick(&[4, 20, 50]);
        let address = if kind == FrameKind::Interpreted { 0 } else { dice.below(1 << bits) };
        locations.push(builder.location(Location { mapping, address, lines, kind }));
    }
    locations
}

fn sample(dice: &mut Dice, locations: &[LocationId]) -> Sample {
    let trusts =
        [Trust::Sure, Trust::Sure, Trust::FramePointer, Trust::Synthesised, Trust::Guessed];
    let depth = dice.pick(&[0, 1, 2, 5, 12, 40]);
    let frames = (0..depth)
        .map(|_| FrameRef { location: dice.pick(locations), trust: dice.pick(&trusts) })
        .collect();
    let mut labels = Vec::new();
    for (key, values) in [("comm", 5), ("container_id", 3), ("pid", 9)] {
        if dice.below(2) == 0 {
            continue;
        }
        let n = dice.below(values);
        let value = match key {
            "pid" => LabelValue::Number(n as i64, String::new()),
            _ => LabelValue::Text(format!("{key} {n}")),
        };
        labels.push(Label { key: key.into(), value });
    }
    let bits = dice.pick(&[1, 8, 20]);
    let value = 1 + dice.below(1 << bits) as i64;
    let marks = Marks {
        truncated: dice.below(9) == 0,
        caller_may_be_missing: dice.below(9) == 0,
        guessed_frames: if dice.below(9) == 0 { 300 } else { 0 },
        approximate_lines: if dice.below(9) == 0 { 2 } else { 0 },
    };
    Sample { frames, values: vec![value, value * 10_000_000], labels, marks }
}

/// The sum of each value column.
pub fn sums(profile: &Profile) -> Vec<i128> {
    (0..profile.sample_types.len())
        .map(|at| profile.samples.iter().map(|sample| i128::from(sample.values[at])).sum())
        .collect()
}

/// All samples as text, with their values. Equal samples are merged.
pub fn described(profile: &Profile) -> BTreeMap<String, Vec<i128>> {
    let mut all: BTreeMap<String, Vec<i128>> = BTreeMap::new();
    for sample in &profile.samples {
        let mut text = format!("{:?} {:?}", sample.labels, sample.marks);
        for frame in &sample.frames {
            let location = &profile.locations[frame.location.0 as usize];
            let mapping = location.mapping.map(|mapping| &profile.mappings[mapping.0 as usize]);
            write!(text, "\n{:?} {:#x} {mapping:?}", frame.trust, location.address)
                .expect("a string grows");
            for line in &location.lines {
                let function = &profile.functions[line.function.0 as usize];
                write!(text, " {function:?}:{}", line.line).expect("a string grows");
            }
        }
        let sums = all.entry(text).or_insert_with(|| vec![0; sample.values.len()]);
        for (sum, value) in sums.iter_mut().zip(&sample.values) {
            *sum += i128::from(*value);
        }
    }
    all
}

/// Asserts that the parts together are the whole: each stack with its labels, marks and values.
pub fn same(parts: &[Profile], whole: &Profile) {
    let mut together: BTreeMap<String, Vec<i128>> = BTreeMap::new();
    for (text, values) in parts.iter().flat_map(described) {
        let sums = together.entry(text).or_insert_with(|| vec![0; values.len()]);
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    assert!(together == described(whole), "the parts are not the whole");
}

//! Merges several parts of a profile.

use output::{
    FrameRef, Function, FunctionId, Line, Location, LocationId, Mapping, MappingId, Profile,
    ProfileBuilder, Sample,
};

/// One profile with the samples of all parts. Times, types and comments come from the first one.
pub(super) fn merge(parts: impl IntoIterator<Item = Profile>) -> Profile {
    let mut builder: Option<ProfileBuilder> = None;
    for mut part in parts {
        let tables = (
            std::mem::take(&mut part.mappings),
            std::mem::take(&mut part.functions),
            std::mem::take(&mut part.locations),
        );
        let samples = std::mem::take(&mut part.samples);
        add(builder.get_or_insert_with(|| ProfileBuilder::new(part)), tables, samples);
    }
    builder.map(ProfileBuilder::finish).unwrap_or_default()
}

fn add(
    builder: &mut ProfileBuilder,
    (mappings, functions, locations): (Vec<Mapping>, Vec<Function>, Vec<Location>),
    samples: Vec<Sample>,
) {
    let mappings: Vec<MappingId> = mappings.into_iter().map(|m| builder.mapping(m)).collect();
    let functions: Vec<FunctionId> = functions.into_iter().map(|f| builder.function(f)).collect();
    let moved = |location: Location| {
        let line = |line: Line| Line { function: functions[line.function.0 as usize], ..line };
        builder.location(Location {
            mapping: location.mapping.map(|id| mappings[id.0 as usize]),
            lines: location.lines.into_iter().map(line).collect(),
            ..location
        })
    };
    let locations: Vec<LocationId> = locations.into_iter().map(moved).collect();
    for sample in samples {
        let frame =
            |frame: FrameRef| FrameRef { location: locations[frame.location.0 as usize], ..frame };
        builder.sample(Sample { frames: sample.frames.into_iter().map(frame).collect(), ..sample });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::{FrameKind, Marks, Trust, ValueType};

    /// A profile whose samples have the value 1, each in one function of one file.
    fn profile(names: &[&str]) -> Profile {
        let kind = ValueType { kind: "samples".into(), unit: "count".into() };
        let head = Profile { sample_types: vec![kind], ..Profile::default() };
        let mut builder = ProfileBuilder::new(head);
        for name in names {
            let function =
                builder.function(Function { name: (*name).into(), ..Function::default() });
            let mapping =
                builder.mapping(Mapping { file: format!("/{name}"), ..Mapping::default() });
            let lines = vec![Line { function, line: 1 }];
            let kind = FrameKind::User;
            let location =
                builder.location(Location { mapping: Some(mapping), address: 1, lines, kind });
            builder.sample(Sample {
                frames: vec![FrameRef { location, trust: Trust::Sure }],
                values: vec![1],
                labels: Vec::new(),
                marks: Marks::default(),
            });
        }
        builder.finish()
    }

    #[test]
    fn parts_are_the_whole_again() {
        let parts = [profile(&["c", "a"]), profile(&["b"]), profile(&["a", "d"])];
        assert_eq!(merge(parts), profile(&["a", "b", "c", "d", "a"]));
        assert_eq!(merge([]), Profile::default());
    }
}

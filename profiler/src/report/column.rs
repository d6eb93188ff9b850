//! Chooses the value column of a profile to show.

use crate::host::exit::{Failure, Kind};
use output::{Profile, ValueType};

/// The column that was asked for, by its type's name, by `name/unit` or by its position; else the file's default.
pub(super) fn choose(profile: &Profile, wanted: Option<&str>) -> Result<usize, Failure> {
    let types = &profile.sample_types;
    let Some(wanted) = wanted else {
        return Ok(profile.default_sample_type);
    };
    let named = types.iter().position(|t| t.kind == wanted || both(t) == wanted);
    let found = named.or_else(|| wanted.parse().ok().filter(|&at: &usize| at < types.len()));
    found.ok_or_else(|| {
        let known: Vec<String> = types.iter().map(both).collect();
        Failure::new(Kind::Usage, format!("the file has no sample type {wanted}"))
            .cure(format!("it has {}", known.join(", ")))
    })
}

/// The column of graphs and folded stacks if none was asked for: samples if they come first, as `record` writes them; else
/// the file's default.
pub(super) fn of_graphs(profile: &Profile) -> usize {
    match profile.sample_types.first() {
        Some(first) if both(first) == "samples/count" => 0,
        _ => profile.default_sample_type,
    }
}

fn both(value: &ValueType) -> String {
    format!("{}/{}", value.kind, value.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_by_unit_by_position_or_by_default() {
        let value = |kind: &str, unit: &str| ValueType { kind: kind.into(), unit: unit.into() };
        let profile = Profile {
            sample_types: vec![
                value("samples", "count"),
                value("cpu", "nanoseconds"),
                value("cpu", "cycles"),
            ],
            default_sample_type: 1,
            ..Profile::default()
        };
        let choose = |wanted| choose(&profile, wanted);
        assert_eq!(choose(None), Ok(1));
        assert_eq!(choose(Some("samples")), Ok(0));
        assert_eq!(choose(Some("cpu")), Ok(1));
        assert_eq!(choose(Some("cpu/cycles")), Ok(2));
        assert_eq!(choose(Some("2")), Ok(2));
        assert_eq!(of_graphs(&profile), 0);
        let types = profile.sample_types[1..].to_vec();
        assert_eq!(of_graphs(&Profile { sample_types: types, ..profile.clone() }), 1);
        let failure = choose(Some("3")).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.cure.contains("cpu/nanoseconds"), "{failure}");
    }
}

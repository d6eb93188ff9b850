//! The name of a profile: the first word of its type, as in `process_cpu:cpu:nanoseconds:cpu:nanoseconds`.

use output::text::shorten;
use output::{Error, Profile};

/// The longest text of a type in messages, in characters.
const SHOWN: usize = 100;

/// The name, from the types that the profile counts. It uses the names of other profilers, so that profiles of one kind are found
/// together. In pprof, waiting for locks looks the same as other waiting; both are `mutex` here.
pub(crate) fn profile_name(profile: &Profile) -> &'static str {
    let kinds = || profile.sample_types.iter().map(|t| t.kind.as_str());
    let has = |names: &[&str]| kinds().any(|kind| names.contains(&kind));
    if has(&["cpu"]) || profile.period_type.kind == "cpu" {
        "process_cpu"
    } else if kinds().any(|kind| kind.starts_with("alloc_") || kind.starts_with("inuse_"))
        || profile.period_type.kind == "space"
    {
        "memory"
    } else if has(&["goroutine", "goroutines"]) {
        "goroutine"
    } else if has(&["contentions", "delay"]) {
        "mutex"
    } else if has(&["off_cpu"]) {
        "off_cpu"
    } else if has(&["wall"]) {
        "wall"
    } else if has(&["samples"]) {
        "process_cpu"
    } else {
        "other"
    }
}

/// Gives a profile without a period type that of its default column. Checks that the types are valid in a query, where they are joined
/// by colons.
///
/// # Errors
/// [`Error::Unsendable`] names the type.
pub(crate) fn settle_types(profile: &mut Profile, backend: &str) -> Result<(), Error> {
    let period = &profile.period_type;
    if period.kind.is_empty() || period.unit.is_empty() {
        profile.period_type = profile.sample_types[profile.default_sample_type].clone();
    }
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match profile
        .sample_types
        .iter()
        .chain([&profile.period_type])
        .find(|t| !word(&t.kind) || !word(&t.unit))
    {
        None => Ok(()),
        Some(t) => {
            let [kind, unit] = [&t.kind, &t.unit].map(|text| shorten(text, SHOWN));
            Err(Error::Unsendable(format!(
                "{backend} accepts no values of type {kind:?} in {unit:?}: only letters, digits and _ are allowed"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::ValueType;
    use output::testing::small;

    fn of(types: &[(&str, &str)]) -> Profile {
        let kind =
            |(kind, unit): &(&str, &str)| ValueType { kind: (*kind).into(), unit: (*unit).into() };
        Profile { sample_types: types.iter().map(kind).collect(), ..Profile::default() }
    }

    #[test]
    fn profiles_of_one_kind_have_one_name() {
        assert_eq!(profile_name(&small()), "process_cpu");
        for (kind, name) in [
            ("samples", "process_cpu"),
            ("alloc_space", "memory"),
            ("inuse_objects", "memory"),
            ("goroutine", "goroutine"),
            ("contentions", "mutex"),
            ("off_cpu", "off_cpu"),
            ("wall", "wall"),
            ("page_faults", "other"),
        ] {
            assert_eq!(profile_name(&of(&[(kind, "count")])), name, "{kind}");
        }
    }

    #[test]
    fn types_can_stand_in_a_query() {
        let mut bare = of(&[("samples", "count"), ("cpu", "nanoseconds")]);
        bare.default_sample_type = 1;
        settle_types(&mut bare, "X").unwrap();
        assert_eq!(bare.period_type, bare.sample_types[1]);
        let mut own = small();
        settle_types(&mut own, "X").unwrap();
        assert_eq!(own, small());
        for bad in ["", "a-b", "a:b", "a b", "é"] {
            let error = settle_types(&mut of(&[(bad, "count")]), "X").unwrap_err();
            assert!(error.to_string().starts_with("X accepts no values of type"), "{error}");
        }
        let long = settle_types(&mut of(&[(&"-".repeat(5_000), "count")]), "X").unwrap_err();
        assert!(long.to_string().len() < 300, "{long}");
    }
}

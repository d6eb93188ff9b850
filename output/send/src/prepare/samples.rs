//! The samples of a profile as they are sent: with the allowed labels only, and by service.

use crate::series::SERVICE_NAME;
use output::lean::Lean;
use output::{Error, Label, LabelValue, Profile};
use std::collections::BTreeMap;

/// The profile with the allowed labels only. Equal samples are merged; samples of value zero and unused rows are removed. Marks of
/// defective stacks stay.
pub(crate) fn strip(profile: &Profile, allowed: &[String]) -> Result<Lean, Error> {
    let lean = Lean::new(profile, |label| allowed.contains(&label.key))?;
    if lean.sample_count() == 0 { Err(Error::Empty) } else { Ok(lean) }
}

/// Samples by service. A sample with its own service label is moved to that service, without the label; all others belong to `default`.
/// `keys` are the keys of all sample labels.
///
/// Backends read the service only from the labels of the whole profile, which would hide a sample's own.
pub(crate) fn by_service(
    lean: &mut Lean,
    keys: &[String],
    default: &str,
) -> Vec<(String, Vec<u32>)> {
    if !keys.iter().any(|key| key == SERVICE_NAME) {
        return vec![(default.to_owned(), lean.all())];
    }
    let of_set = |set: &Vec<Label>| service(set).unwrap_or(default).to_owned();
    let of_sets: Vec<String> = lean.sets().iter().map(of_set).collect();
    let mut services: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for group in lean.by_set(&lean.all()) {
        let name = &of_sets[lean.row(group[0]).set as usize];
        services.entry(name).or_default().extend(group);
    }
    let sorted = |(name, mut rows): (&str, Vec<u32>)| {
        rows.sort_unstable();
        (name.to_owned(), rows)
    };
    let services = services.into_iter().map(sorted).collect();
    lean.change_sets(|set| set.retain(|label| label.key != SERVICE_NAME));
    services
}

fn service(set: &[Label]) -> Option<&str> {
    set.iter().find_map(|label| match &label.value {
        LabelValue::Text(name) if label.key == SERVICE_NAME && !name.is_empty() => {
            Some(name.as_str())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::name_service;
    use output::Marks;
    use output::testing::random::{self, random};
    use output::testing::{profile, small, stack};

    fn allow(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn strip(profile: &Profile, allowed: &[String]) -> Result<Profile, Error> {
        super::strip(profile, allowed).map(|lean| lean.profile(&lean.all()))
    }

    fn keys(profile: &Profile) -> Vec<&str> {
        let mut keys: Vec<&str> = profile
            .samples
            .iter()
            .flat_map(|sample| &sample.labels)
            .map(|label| label.key.as_str())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    #[test]
    fn only_allowed_labels_stay_and_what_is_equal_then_is_one() {
        let whole = small();
        let stripped = strip(&whole, &allow(&["comm", "container_id"])).unwrap();
        assert_eq!(keys(&stripped), ["comm"]);
        // `work` was sampled in two threads.
        assert_eq!(stripped.samples.len(), whole.samples.len() - 1);
        assert_eq!(random::sums(&stripped), random::sums(&whole));
        stripped.check().unwrap();
        assert_eq!(keys(&strip(&whole, &[]).unwrap()), [""; 0]);
    }

    #[test]
    fn marks_and_trust_stay() {
        let stripped = strip(&small(), &[]).unwrap();
        let spoilt = |profile: &Profile| {
            profile.samples.iter().filter(|sample| sample.marks != Marks::default()).count()
        };
        assert_eq!(spoilt(&stripped), spoilt(&small()));
        let trusts = |profile: &Profile| {
            let mut all: Vec<_> = profile
                .samples
                .iter()
                .flat_map(|sample| &sample.frames)
                .map(|frame| frame.trust)
                .collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        assert_eq!(trusts(&stripped), trusts(&small()));
    }

    #[test]
    fn samples_without_a_value_and_rows_that_nobody_needs_are_left_out() {
        let mut whole = profile(&[stack(&["main", "a"], 3), stack(&["main", "b"], 2)]);
        let gone = whole.samples.iter_mut().find(|sample| sample.values[0] == 2).unwrap();
        gone.values = vec![0, 0];
        let stripped = strip(&whole, &[]).unwrap();
        assert_eq!(stripped.samples.len(), 1);
        let names: Vec<_> = stripped.functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a", "main"]);
        assert_eq!(strip(&profile(&[]), &[]), Err(Error::Empty));
        whole.samples.iter_mut().for_each(|sample| sample.values = vec![0, 0]);
        assert_eq!(strip(&whole, &[]), Err(Error::Empty));
    }

    #[test]
    fn a_profile_that_does_not_hold_together_is_an_error() {
        let mut whole = small();
        whole.samples[0].frames[0].location.0 = 99;
        assert!(matches!(strip(&whole, &[]), Err(Error::Invalid(_))));
    }

    #[test]
    fn samples_go_to_the_service_that_they_name() {
        let mut whole = small();
        for (sample, name) in whole.samples.iter_mut().zip(["a", "b", "", "a"]) {
            let value = LabelValue::Text(name.into());
            sample.labels.push(Label { key: SERVICE_NAME.into(), value });
            sample.labels.sort();
        }
        let services = |profile: &Profile| {
            let (mut names, mut bare, mut named) = (Vec::new(), Vec::new(), Vec::new());
            let all: Vec<String> = keys(profile).into_iter().map(String::from).collect();
            let mut lean = Lean::new(profile, |_| true).unwrap();
            for (service, rows) in by_service(&mut lean, &all, "rest") {
                let mut part = lean.profile(&rows);
                bare.push(part.clone());
                if service != "rest" {
                    name_service(&mut part, &service);
                }
                named.push(part);
                names.push(service);
            }
            (names, bare, named)
        };
        let (names, parts, named) = services(&whole);
        assert_eq!(names, ["a", "b", "rest"]);
        let samples: Vec<_> = parts.iter().map(|profile| profile.samples.len()).collect();
        assert_eq!(samples, [2, 1, whole.samples.len() - 3]);
        parts.iter().for_each(|part| part.check().unwrap());
        assert!(parts.iter().all(|part| !keys(part).contains(&SERVICE_NAME)));
        random::same(&parts, &strip(&whole, &allow(&["comm", "pid", "thread", "tid"])).unwrap());
        // An empty label names nothing.
        whole.samples[2].labels.retain(|label| label.key != SERVICE_NAME);
        random::same(&named, &whole);
        assert_eq!(services(&small()), (vec!["rest".to_owned()], vec![small()], vec![small()]));
    }

    #[test]
    fn any_profile_keeps_its_sums() {
        for seed in 0..60 {
            let whole = random(seed);
            let stripped = strip(&whole, &allow(&["comm"])).unwrap();
            stripped.check().unwrap();
            assert_eq!(random::sums(&stripped), random::sums(&whole), "seed {seed}");
            assert_eq!(strip(&stripped, &allow(&["comm"])).unwrap(), stripped, "seed {seed}");
        }
    }
}

//! What a profile is of, and which labels of its samples go along.

use crate::profile::{Label, LabelValue, Sample};
use crate::subset::Subset;
use crate::{Error, Profile, ProfileBuilder};
use ahash::AHashMap;
use std::collections::BTreeMap;

/// The label that tells the service.
pub(super) const SERVICE_NAME: &str = "service_name";

/// What a profile is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The service: the command's or the process's name by default.
    pub service_name: String,
    /// Further labels of the whole profile, by key.
    pub labels: Vec<(String, String)>,
    /// Labels of samples that go along; others are taken away.
    pub allowed: Vec<String>,
}

/// The profile with only the allowed labels, equal samples merged, samples without any value and unused rows left out.
/// What spoils a stack stays.
pub(super) fn strip(profile: &Profile, allowed: &[String]) -> Result<Profile, Error> {
    profile.check_tables()?;
    let mut subset = Subset::new(profile);
    // Tables are taken when it is known which rows are needed; samples keep their order then.
    let mut builder = ProfileBuilder::default();
    for sample in &profile.samples {
        if sample.values.iter().all(|value| *value == 0) {
            continue;
        }
        if !subset.need(sample) || sample.values.len() != profile.sample_types.len() {
            profile.check()?;
        }
        builder.sample(bare(sample, allowed));
    }
    let samples = builder.finish().samples;
    if samples.is_empty() { Err(Error::Empty) } else { Ok(subset.take_needed(samples)) }
}

fn bare(sample: &Sample, allowed: &[String]) -> Sample {
    let goes_along = |label: &&Label| allowed.contains(&label.key);
    Sample {
        frames: sample.frames.clone(),
        values: sample.values.clone(),
        labels: sample.labels.iter().filter(goes_along).cloned().collect(),
        marks: sample.marks,
    }
}

/// The samples by their labels, in the order of the labels.
pub(super) fn by_labels(samples: Vec<Sample>) -> Vec<Vec<Sample>> {
    let mut groups: AHashMap<&[Label], usize> = AHashMap::new();
    let mut of_samples = Vec::with_capacity(samples.len());
    for sample in &samples {
        let next = groups.len();
        of_samples.push(*groups.entry(&sample.labels).or_insert(next));
    }
    let mut sorted: Vec<(&[Label], usize)> = groups.into_iter().collect();
    sorted.sort_unstable();
    let mut places = vec![0; sorted.len()];
    sorted.iter().enumerate().for_each(|(place, (_, group))| places[*group] = place);
    let mut gathered = vec![Vec::new(); places.len()];
    for (sample, group) in samples.into_iter().zip(of_samples) {
        gathered[places[group]].push(sample);
    }
    gathered
}

/// The profile by service, one after the other: samples whose own label names one, without that label, and all others
/// under `default`. `keys` are those of all samples' labels.
///
/// Backends know the service by the labels of the whole profile alone: a sample's own would be hidden behind it.
pub(super) fn by_service(
    mut profile: Profile,
    keys: &[String],
    default: &str,
    mut each: impl FnMut(&str, Profile) -> Result<(), Error>,
) -> Result<(), Error> {
    if !keys.iter().any(|key| key == SERVICE_NAME) {
        return each(default, profile);
    }
    let mut services: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for mut sample in std::mem::take(&mut profile.samples) {
        let name = service(&sample).unwrap_or(default).to_owned();
        sample.labels.retain(|label| label.key != SERVICE_NAME);
        services.entry(name).or_default().push(sample);
    }
    let mut subset = Subset::new(&profile);
    services.into_iter().try_for_each(|(name, samples)| each(&name, subset.take(samples)))
}

/// Gives samples the label that names their service, where that is not `default`: they may be sent again.
pub(super) fn name_service(profile: &mut Profile, service: &str, default: &str) {
    if service == default {
        return;
    }
    for sample in &mut profile.samples {
        let value = LabelValue::Text(service.to_owned());
        sample.labels.push(Label { key: SERVICE_NAME.to_owned(), value });
        sample.labels.sort();
    }
}

fn service(sample: &Sample) -> Option<&str> {
    sample.labels.iter().find_map(|label| match &label.value {
        LabelValue::Text(name) if label.key == SERVICE_NAME && !name.is_empty() => {
            Some(name.as_str())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Marks;
    use crate::send::random::{self, random};
    use crate::testing::{profile, small, stack};

    fn allow(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
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
            by_service(profile.clone(), &all, "rest", |service, mut part| {
                names.push(service.to_owned());
                bare.push(part.clone());
                name_service(&mut part, service, "rest");
                named.push(part);
                Ok(())
            })
            .unwrap();
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
    fn samples_stand_together_by_their_labels() {
        let whole = random(3);
        let groups = by_labels(whole.samples.clone());
        assert!(groups.len() > 10);
        assert!(groups.iter().all(|group| group.iter().all(|s| s.labels == group[0].labels)));
        assert!(groups.is_sorted_by(|a, b| a[0].labels < b[0].labels));
        random::same(&[Profile { samples: groups.concat(), ..whole.clone() }], &whole);
        assert!(by_labels(Vec::new()).is_empty());
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

//! The lean form does not depend on the order of a profile's samples.

use super::*;
use crate::ProfileBuilder;
use crate::model::profile::LabelValue;
use crate::testing::random::{random, same};
use crate::testing::{profile, stack};

fn lean(profile: &Profile) -> Lean {
    Lean::new(profile, |_| true).unwrap()
}

fn whole(lean: &Lean) -> Profile {
    lean.profile(&lean.all())
}

#[test]
fn samples_are_those_that_a_builder_makes() {
    for seed in 0..60 {
        let all = random(seed);
        let goes_along = |label: &Label| label.key == "comm" || label.key == "pid";
        let mut builder = ProfileBuilder::default();
        for sample in &all.samples {
            let mut sample = sample.clone();
            sample.labels.retain(goes_along);
            builder.sample(sample);
        }
        let expected = Profile { samples: builder.finish().samples, ..all.clone() };
        let made = whole(&Lean::new(&all, goes_along).unwrap());
        made.check().unwrap();
        same(std::slice::from_ref(&made), &expected);
        let rows = |profile: &Profile| {
            let row =
                |sample: &Sample| (sample.labels.clone(), sample.marks, sample.values.clone());
            profile.samples.iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(rows(&made), rows(&expected), "seed {seed}: the order is the same");
    }
}

#[test]
fn the_order_of_arrival_does_not_show() {
    for seed in 0..60 {
        let sorted = random(seed);
        let mut mixed = sorted.clone();
        mixed.samples.reverse();
        let middle = mixed.samples.len() / 3;
        mixed.samples.rotate_left(middle);
        // All samples occur twice.
        mixed.samples.extend_from_within(..);
        let mut twice = sorted.clone();
        twice.samples.iter_mut().flat_map(|sample| &mut sample.values).for_each(|n| *n *= 2);
        assert_eq!(whole(&lean(&mixed)), whole(&lean(&twice)), "seed {seed}");
    }
}

#[test]
fn parts_by_their_labels_are_the_whole() {
    for seed in 0..20 {
        let lean = lean(&random(seed));
        let groups = lean.by_set(&lean.all());
        let set = |rows: &Vec<u32>| lean.row(rows[0]).set;
        assert!(groups.is_sorted_by_key(set));
        assert!(groups.iter().all(|rows| rows.iter().all(|row| lean.row(*row).set == set(rows))));
        let parts: Vec<Profile> = groups.iter().map(|rows| lean.profile(rows)).collect();
        same(&parts, &whole(&lean));
        // A few rows are sorted in another way.
        let few: Vec<u32> = lean.all().into_iter().rev().take(3).collect();
        assert_eq!(lean.by_set(&few).concat().len(), few.len());
    }
    assert!(Lean::default().by_set(&[]).is_empty());
}

#[test]
fn sets_that_become_equal_are_one() {
    let mut whole = profile(&[stack(&["a"], 1), stack(&["b"], 1)]);
    let pid = |value| vec![Label { key: "pid".into(), value }];
    whole.samples[0].labels = pid(LabelValue::Number(7, String::new()));
    whole.samples[1].labels = pid(LabelValue::Text("7".into()));
    let mut lean = lean(&whole);
    assert_eq!(lean.sets().len(), 2);
    lean.change_sets(|set| set[0].value = LabelValue::Text("7".into()));
    assert_eq!(lean.sets(), [pid(LabelValue::Text("7".into()))]);
    assert_eq!(lean.by_set(&lean.all()), [[0, 1]]);
}

#[test]
fn deep_stacks_are_cut_at_the_root_and_marked() {
    let mut lean = lean(&profile(&[stack(&["main", "a", "b"], 1), stack(&["main"], 1)]));
    assert_eq!((lean.cut(2), lean.cut(2)), (1, 0));
    let cut: Vec<_> = whole(&lean).samples.into_iter().filter(|s| s.marks.truncated).collect();
    assert_eq!((cut.len(), cut[0].frames.len()), (1, 2));
}

#[test]
fn a_profile_that_does_not_hold_together_is_an_error() {
    let spoil: [fn(&mut Profile); 3] = [
        |p| p.samples[0].frames[0].location.0 = 99,
        |p| p.samples[0].values.push(1),
        |p| p.locations[0].lines[0].function.0 = 99,
    ];
    for spoil in spoil {
        let mut whole = profile(&[stack(&["a"], 1)]);
        spoil(&mut whole);
        assert!(matches!(Lean::new(&whole, |_| true), Err(crate::Error::Invalid(_))));
    }
}

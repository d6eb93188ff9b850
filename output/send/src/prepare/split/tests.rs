//! Parts are under the limits, and together they are the whole.

use super::*;
use crate::prepare::samples::strip;
use output::pprof::{Common, Limits as ReadLimits, Pprof, read};
use output::tell::comments;
use output::testing::random::{random, same};
use output::testing::{profile, small, stack};
use output::{Encode, Profile};
use std::collections::BTreeSet;

fn encoded(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    Pprof { gzip: false, ..Pprof::default() }.encode(profile, &mut bytes).unwrap();
    bytes
}

fn split(profile: Profile, limits: Limits) -> Result<Vec<Profile>, Error> {
    split_in(&profile, limits, &mut Room::new())
}

fn split_in(profile: &Profile, limits: Limits, room: &mut Room) -> Result<Vec<Profile>, Error> {
    let lean = Lean::new(profile, |_| true)?;
    let comments = comments(&lean.tables);
    let common = Common::new(&lean, &comments);
    let parts = super::split(&mut Meter::new(&lean, &common), lean.all(), limits, room)?;
    Ok(parts.iter().map(|rows| lean.profile(rows)).collect())
}

fn bytes(limit: usize) -> Limits {
    Limits { samples: usize::MAX, bytes: limit }
}

fn whole_of(lean: &Lean) -> Profile {
    lean.profile(&lean.all())
}

/// A random profile without rows that nobody needs.
fn pruned(seed: u64) -> Profile {
    let allowed = ["comm", "container_id", "pid"].map(String::from);
    whole_of(&strip(&random(seed), &allowed).unwrap())
}

#[test]
fn what_fits_comes_back_as_it_is() {
    let limits = Limits { samples: 100, bytes: 1 << 20 };
    assert_eq!(split(small(), limits).unwrap(), [small()]);
}

#[test]
fn parts_of_random_profiles_are_under_the_limits_and_the_whole_together() {
    let mut parted = 0;
    for seed in 0..60 {
        let whole = random(seed);
        let size = encoded(&whole).len();
        let limits = Limits {
            samples: 1 + (seed as usize * 7) % 120,
            bytes: 3_500 + size * (seed as usize % 10) / 9,
        };
        let Ok(parts) = split(whole.clone(), limits) else { continue };
        parted += usize::from(parts.len() > 1);
        for part in &parts {
            part.check().unwrap();
            let bytes = encoded(part);
            assert!(part.samples.len() <= limits.samples, "seed {seed}");
            assert!(bytes.len() <= limits.bytes, "seed {seed}: {} bytes", bytes.len());
            assert!(!read(&bytes, ReadLimits::default()).unwrap().samples.is_empty());
        }
        same(&parts, &whole);
        assert_eq!(split(whole, limits).unwrap(), parts, "seed {seed}");
    }
    assert!(parted > 30, "{parted} were in parts");
}

#[test]
fn the_bound_is_near_the_size() {
    for seed in 0..60 {
        let whole = pruned(seed);
        let lean = Lean::new(&whole, |_| true).unwrap();
        let comments = comments(&lean.tables);
        let common = Common::new(&lean, &comments);
        let mut meter = Meter::new(&lean, &common);
        meter.next_part();
        let bound: usize =
            meter.head() + lean.all().into_iter().map(|at| meter.add(at)).sum::<usize>();
        let size = encoded(&whole).len();
        assert!(size <= bound, "seed {seed}: {size} bytes, said {bound}");
        assert!(bound <= size + size / 4 + 300, "seed {seed}: {size} bytes, said {bound}");
        let rough = cost::rough(&lean);
        assert!(
            (bound..=5 * size + 500).contains(&rough),
            "seed {seed}: {size} bytes, said {rough}"
        );
    }
}

#[test]
fn each_part_has_only_the_rows_that_it_needs() {
    for seed in 0..50 {
        for part in split(pruned(seed), Limits { samples: 3, bytes: 1 << 20 }).unwrap() {
            let frames = part.samples.iter().flat_map(|sample| &sample.frames);
            let locations: BTreeSet<_> = frames.map(|frame| frame.location.0).collect();
            let lines = part.locations.iter().flat_map(|location| &location.lines);
            let functions: BTreeSet<_> = lines.map(|line| line.function.0).collect();
            let mappings: BTreeSet<_> =
                part.locations.iter().filter_map(|location| location.mapping).collect();
            assert_eq!(locations.len(), part.locations.len(), "seed {seed}");
            assert_eq!(functions.len(), part.functions.len(), "seed {seed}");
            assert_eq!(mappings.len(), part.mappings.len(), "seed {seed}");
        }
    }
}

#[test]
fn a_single_sample_over_the_limit_is_an_error() {
    let long = "x".repeat(10_000);
    let whole = profile(&[stack(&["main", "a"], 1), stack(&["main", &long], 1)]);
    let error = split(whole.clone(), bytes(5_000)).unwrap_err();
    assert!(matches!(&error, Error::TooLarge(why) if why.contains("one sample alone")), "{error}");
    assert_eq!(split(whole, bytes(30_000)).unwrap().len(), 1);
}

#[test]
fn parts_keep_what_the_head_says() {
    let parts = split(small(), Limits { samples: 2, bytes: 1 << 20 }).unwrap();
    assert_eq!(parts.len(), small().samples.len().div_ceil(2));
    for part in parts {
        let bare = |profile: Profile| Profile {
            samples: Vec::new(),
            locations: Vec::new(),
            functions: Vec::new(),
            mappings: Vec::new(),
            ..profile
        };
        assert_eq!(bare(part), bare(small()));
    }
}

#[test]
fn a_profile_without_samples_is_one_part() {
    assert_eq!(split(profile(&[]), bytes(10)).unwrap(), [profile(&[])]);
}

#[test]
fn parts_that_repeat_much_have_no_endless_room() {
    // Each sample needs a part of its own, and all of the comment in it.
    let stacks: Vec<_> = (0..100).map(|n| stack(&["main", &format!("{n:01000}")], 1)).collect();
    let whole = Profile { comments: vec!["c".repeat(50_000)], ..profile(&stacks) };
    let limits = bytes(52_000);
    assert_eq!(split(whole.clone(), limits).unwrap().len(), 100);
    let mut room = Room(Some(100 * 51_000));
    let error = split_in(&whole, limits, &mut room).unwrap_err();
    assert!(matches!(&error, Error::TooLarge(why) if why.contains("parts")), "{error}");
    let mut room = Room(Some(2 * 100 * 52_000));
    split_in(&whole, limits, &mut room).unwrap();
    split_in(&whole, limits, &mut room).unwrap();
    assert!(split_in(&whole, limits, &mut room).is_err(), "what is taken is taken");
}

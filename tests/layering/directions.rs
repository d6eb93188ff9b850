//! The directions between the crates, and the homes of the others' crates, read from the manifests.

use super::manifests::{crates, dependencies, manifest, package, shipped, shipped_crates};
use crate::harness::{Skip, tests};
use std::collections::{BTreeMap, BTreeSet};

tests!(crates_point_one_way, third_party_crates_have_one_home, versions_stand_in_the_workspace,);

/// The crates that import others; all others import none.
const DIRECTIONS: [(&str, &[&str]); 3] = [
    ("bpf", &["unwind"]),
    ("symbolizer", &["elf"]),
    ("profiler", &["bpf", "elf", "output", "symbolizer"]),
];

/// Third-party crates with more than one home, each for a reason.
const SHARED: [(&str, &[&str], &str); 5] = [
    ("gimli", &["bpf/unwind", "symbolizer"], "unwind rules there, function ranges here"),
    (
        "flate2",
        &["output", "symbolizer"],
        "compressed profiles there, compressed debug sections here",
    ),
    ("ureq", &["output", "symbolizer"], "profiles are sent there, debug files fetched here"),
    ("rustix", &["output", "profiler", "symbolizer"], "files and processes without unsafe"),
    ("libc", &["bpf"], "constants of system calls"),
];

/// The names of the workspace's packages.
fn ours() -> BTreeSet<String> {
    crates().iter().map(|of| package(of)).collect()
}

fn crates_point_one_way() -> Result<(), Skip> {
    let packages = ours();
    for of in shipped_crates() {
        let imported: BTreeSet<String> =
            shipped(&of).into_iter().filter(|d| packages.contains(d)).collect();
        let may = DIRECTIONS.iter().find(|(from, _)| *from == of).map_or(&[][..], |(_, to)| to);
        let may: BTreeSet<String> = may.iter().map(|&to| to.to_owned()).collect();
        assert_eq!(imported, may, "what {of} imports, and what it may");
    }
    Ok(())
}

fn third_party_crates_have_one_home() -> Result<(), Skip> {
    let packages = ours();
    let shipping = shipped_crates();
    let mut homes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in &shipping {
        for dependency in shipped(name).into_iter().filter(|d| !packages.contains(d)) {
            homes.entry(dependency).or_default().insert(name);
        }
    }
    assert!(homes.len() > 5, "the manifests were read: {homes:?}");
    for (dependency, homes) in homes.iter().filter(|(_, homes)| homes.len() > 1) {
        let argued = SHARED.iter().find(|(shared, ..)| shared == dependency);
        let argued: BTreeSet<&str> =
            argued.into_iter().flat_map(|(_, homes, _)| *homes).copied().collect();
        assert!(
            homes.is_subset(&argued),
            "{dependency} has the homes {homes:?}; argued for: {argued:?}"
        );
    }
    Ok(())
}

fn versions_stand_in_the_workspace() -> Result<(), Skip> {
    for name in crates() {
        let text = manifest(&name);
        let (_, after) = text.split_once("dependencies]").unwrap();
        for line in after.lines().filter(|line| line.contains("version")) {
            assert!(line.contains(".workspace = true"), "{name}: {line}");
        }
        assert!(text.contains("[lints]\nworkspace = true"), "{name} takes the workspace's lints");
        assert!(!dependencies(&name).is_empty(), "{name} has dependencies");
    }
    Ok(())
}

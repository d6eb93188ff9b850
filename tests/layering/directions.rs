//! The directions between the crates, and the homes of the others' crates, read from the manifests.

use super::manifests::{
    crates, dependencies, manifest, package, shipped, shipped_crates, source_folder,
};
use super::map;
use crate::harness::{Skip, tests};
use crate::lab::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

tests!(
    crates_point_one_way,
    third_party_crates_have_one_home,
    versions_stand_in_the_workspace,
    the_root_is_small,
    the_profiler_has_a_dozen_rooms,
    only_the_process_without_rights_parses_for_names,
);

/// The files of the root.
const ROOT_FILES: [&str; 12] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
];

/// Third-party crates with more than one home, each for a reason.
const SHARED: [(&str, &[&str], &str); 6] = [
    ("gimli", &["bpf/unwind", "symbolizer"], "unwind rules there, function ranges here"),
    (
        "flate2",
        &["output", "output/send", "symbolizer"],
        "compressed profiles, bodies of requests, compressed debug sections",
    ),
    (
        "prost",
        &["output", "output/send", "symbolizer"],
        "messages of profiles, of requests, and between the two processes that make names",
    ),
    ("ureq", &["output/send", "symbolizer"], "profiles are sent there, debug files fetched here"),
    ("rustix", &["output", "profiler", "symbolizer"], "files and processes without unsafe"),
    ("libc", &["bpf", "profiler"], "constants of system calls"),
];

/// The names of the workspace's packages.
fn ours() -> BTreeSet<String> {
    crates().iter().map(|of| package(of)).collect()
}

/// Crates import what the rooms' table says, and only crates of rows further down.
fn crates_point_one_way() -> Result<(), Skip> {
    let rooms = map::rooms();
    for of in shipped_crates() {
        let at = rooms.iter().position(|room| room.folder == format!("{of}/"));
        let (room, below) =
            rooms[at.unwrap_or_else(|| panic!("no row for `{of}/`"))..].split_first().unwrap();
        let folder_of = |name: String| crates().into_iter().find(|of| package(of) == name);
        let imported: BTreeSet<String> =
            shipped(&of).into_iter().filter_map(folder_of).map(|of| format!("{of}/")).collect();
        let may: BTreeSet<String> = room.may.iter().cloned().collect();
        assert_eq!(imported, may, "what {of} imports, and what it may");
        for name in &may {
            assert!(
                below.iter().any(|room| room.folder == *name),
                "{name} has no row below {of}'s"
            );
        }
    }
    Ok(())
}

/// Does a line of `.gitignore`, with at most one star, name this entry of the root?
fn ignored(lines: &str, name: &str) -> bool {
    lines.lines().filter_map(|line| line.strip_prefix('/')).any(|line| match line.split_once('*') {
        Some((start, end)) => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => line == name,
    })
}

/// The root holds the rooms, and the files that say how to build and read the project, beside what builds and recordings leave.
fn the_root_is_small() -> Result<(), Skip> {
    let rooms = map::rooms();
    let made = fs::read_to_string(root().join(".gitignore")).unwrap();
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with('.') || ignored(&made, &name) {
            continue;
        }
        let known = if entry.path().is_dir() {
            rooms.iter().any(|room| room.folder == format!("{name}/"))
        } else {
            ROOT_FILES.contains(&name.as_str())
        };
        assert!(known, "{name} is neither a room nor one of {ROOT_FILES:?}");
    }
    Ok(())
}

/// A newcomer finds the way from the names right in the profiler's source folder.
fn the_profiler_has_a_dozen_rooms() -> Result<(), Skip> {
    let entries = fs::read_dir(source_folder("profiler")).unwrap();
    let names: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "main" && name != "lib")
        .collect();
    assert!(names.len() <= 12, "more than a dozen: {names:?}");
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

/// What parses the files of strangers for names is called where rights were given up, and nowhere else.
fn only_the_process_without_rights_parses_for_names() -> Result<(), Skip> {
    let (parsers, place) = (["symbolizer::", "serve"].concat(), "host/naming/answering.rs");
    let mut seen = Vec::new();
    for of in shipped_crates().into_iter().filter(|of| of != "symbolizer") {
        for path in files(&source_folder(&of)) {
            let text = fs::read_to_string(&path).unwrap();
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            let below = path.strip_prefix(source_folder(&of)).unwrap();
            let is_test = below.components().any(|part| part.as_os_str() == "tests")
                || below.ends_with("tests.rs");
            if shipped.contains(&parsers) && !is_test {
                seen.push(path.display().to_string());
            }
        }
    }
    assert!(seen.len() == 1 && seen[0].ends_with(place), "{seen:?}");
    Ok(())
}

/// The Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    rust.chain(folders.iter().flat_map(|folder| self::files(folder))).collect()
}

//! The manifests: the workspace's crates and their dependencies.

use crate::lab::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates, by their folders, as in `output/send`.
pub(super) fn crates() -> Vec<String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, members) = text.split_once("members = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    let names = members.split(',').map(|name| name.trim().trim_matches('"'));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The crates that ship: all but the tests of the whole.
pub(super) fn shipped_crates() -> Vec<String> {
    crates().into_iter().filter(|name| name != "tests").collect()
}

/// The manifest of a crate.
pub(super) fn manifest(of: &str) -> String {
    fs::read_to_string(root().join(of).join("Cargo.toml")).unwrap()
}

/// The name that others depend on a crate by.
pub(super) fn package(of: &str) -> String {
    let text = manifest(of);
    let line = text.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
    line.trim_matches('"').to_owned()
}

/// The folder of a crate's sources: `src`, or the crate's own for the tests of the whole.
pub(super) fn source_folder(of: &str) -> PathBuf {
    let src = root().join(of).join("src");
    if src.exists() { src } else { root().join(of) }
}

/// The file that declares a crate's modules.
pub(super) fn source_root(of: &str) -> PathBuf {
    let folder = source_folder(of);
    let [lib, main] = ["lib.rs", "main.rs"].map(|name| folder.join(name));
    if folder.ends_with(Path::new("src")) && lib.exists() { lib } else { main }
}

/// The contents of a crate's manifest: dependencies by section.
pub(super) fn dependencies(of: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut sections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in manifest(of).lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).to_owned();
        } else if section.ends_with("dependencies")
            && !line.starts_with('#')
            && let Some((key, _)) = line.split_once(['.', '=', ' '])
        {
            sections.entry(section.clone()).or_default().insert(key.to_owned());
        }
    }
    sections
}

/// All that ships: everything but `dev-dependencies`.
pub(super) fn shipped(of: &str) -> BTreeSet<String> {
    let sections =
        dependencies(of).into_iter().filter(|(section, _)| section != "dev-dependencies");
    sections.flat_map(|(_, names)| names).collect()
}

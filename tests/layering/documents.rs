//! The files and folders that the project's pages name.

use super::house_rules::is_built;
use super::map::quoted;
use crate::harness::{Skip, tests};
use crate::lab::root;
use std::fs;
use std::path::{Path, PathBuf};

tests!(pages_name_what_is_there);

/// What names of files end in, so that they are told from names of other things.
const ENDINGS: [&str; 6] = [".rs", ".h", ".c", ".md", ".toml", "/"];

/// Names in capitals that stand for themselves, and the manifest.
const PAGES: [&str; 4] = ["ARCHITECTURE.md", "CHANGELOG.md", "README.md", "Cargo.toml"];

/// In these pages, a name in backticks that looks like a file or a folder of the project is one. It is written from the root or from any
/// folder. A part in capitals, as in `formats/FORMAT/mod.rs`, stands for any name.
fn pages_name_what_is_there() -> Result<(), Skip> {
    let mut files = Vec::new();
    list(root(), Path::new(""), &mut files);
    assert!(is_there("formats/FORMAT/mod.rs", &files));
    for wrong in ["formats/FORMAT/format.rs", "src/formats.rs"] {
        assert!(!is_there(wrong, &files), "{wrong}");
    }
    let mut seen = 0;
    let mut gone = Vec::new();
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let names = text.lines().flat_map(quoted).filter(|name| looks_like_a_path(name));
        for name in names {
            seen += 1;
            if !is_there(name, &files) {
                gone.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(seen > 20, "the pages were read");
    assert!(gone.is_empty(), "named, and not there:\n{}", gone.join("\n"));
    Ok(())
}

/// Whether a file ends with this name, part by part.
fn is_there(name: &str, files: &[PathBuf]) -> bool {
    let parts: Vec<&str> = name.trim_end_matches('/').rsplit('/').collect();
    files.iter().any(|file| {
        let mut found = file.iter().rev().map(|part| part.to_string_lossy());
        parts.iter().all(|part| found.next().is_some_and(|found| stands_for(part, &found)))
    })
}

/// Whether a part of a name stands for a part of a path. `FORMAT` and `FORMAT.rs` stand for several.
fn stands_for(part: &str, found: &str) -> bool {
    let (stem, ending) = part.split_once('.').unwrap_or((part, ""));
    let (found_stem, found_ending) = found.split_once('.').unwrap_or((found, ""));
    part == found
        || (!PAGES.contains(&part)
            && is_placeholder(stem)
            && !found_stem.is_empty()
            && ending == found_ending)
}

fn is_placeholder(stem: &str) -> bool {
    stem.len() > 1 && stem.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn looks_like_a_path(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let is_part = |part: &str| {
        let stem = part.split('.').next().unwrap_or(part);
        part.chars().all(plain) || is_placeholder(stem) && part[stem.len()..].chars().all(plain)
    };
    PAGES.contains(&name)
        || (ENDINGS.iter().any(|ending| name.ends_with(ending) && name.len() > ending.len())
            && name.split('/').all(is_part)
            && !name.starts_with(['/', '.']))
}

/// All files and folders below the root, built ones aside.
fn list(root: &Path, below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let name = entry.unwrap().file_name();
        let path = below.join(&name);
        if name.as_encoded_bytes().starts_with(b".") || is_built(&root.join(&path)) {
            continue;
        }
        if root.join(&path).is_dir() {
            list(root, &path, found);
        }
        found.push(path);
    }
}

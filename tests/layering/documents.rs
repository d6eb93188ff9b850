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

/// In these pages a name in backticks that looks like one of a file or a folder of the project is one, written from the root
/// or from any folder. Names in capitals are to be filled in.
fn pages_name_what_is_there() -> Result<(), Skip> {
    let mut files = Vec::new();
    list(root(), Path::new(""), &mut files);
    let is_there = |name: &str| {
        let name = Path::new(name.trim_end_matches('/'));
        files.iter().any(|file| file.ends_with(name))
    };
    let mut seen = 0;
    let mut gone = Vec::new();
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let names = text.lines().flat_map(quoted).filter(|name| looks_like_a_path(name));
        for name in names {
            seen += 1;
            if !is_there(name) {
                gone.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(seen > 20, "the pages were read");
    assert!(gone.is_empty(), "named, and not there:\n{}", gone.join("\n"));
    Ok(())
}

fn looks_like_a_path(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
    let known = ["ARCHITECTURE.md", "CHANGELOG.md", "README.md", "Cargo.toml"].contains(&name);
    known
        || (ENDINGS.iter().any(|ending| name.ends_with(ending) && name.len() > ending.len())
            && name.chars().all(plain)
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

//! The text that no source may contain, and the text that every source must contain.

use super::manifests::{crates, shipped_crates, source_folder};
use crate::harness::{Skip, tests};
use crate::lab::root;
use std::fs;
use std::path::{Path, PathBuf};

tests!(unsafe_is_in_bpf_only, sources_keep_to_the_house_rules, files_have_no_drawer_names);

/// Whether a folder holds what cargo built.
pub(super) fn is_built(folder: &Path) -> bool {
    folder.join("CACHEDIR.TAG").exists()
}

/// Every source file of ours, Rust and C.
fn sources() -> Vec<(PathBuf, String)> {
    fn visit(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() {
                if !is_built(&path) && !name.starts_with('.') {
                    visit(&path, found);
                }
            } else if name.ends_with(".rs") || name.ends_with(".c") || name.ends_with(".h") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    // A crate below another one is among that one's files.
    for name in crates().iter().filter(|name| !name.contains('/')) {
        visit(&root().join(name), &mut found);
    }
    assert!(found.len() > 20, "the sources were read");
    found
}

fn unsafe_is_in_bpf_only() -> Result<(), Skip> {
    for name in shipped_crates().into_iter().filter(|name| name != "bpf") {
        let roots = ["lib.rs", "main.rs"].map(|file| source_folder(&name).join(file));
        for path in roots.into_iter().filter(|path| path.exists()) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                text.contains("#![forbid(unsafe_code)]"),
                "{} forbids unsafe code",
                path.display()
            );
        }
    }
    Ok(())
}

fn sources_keep_to_the_house_rules() -> Result<(), Skip> {
    // Split, so that this file does not contain them.
    let never = [
        ["static ", "mut "].concat(),
        ["tok", "io::"].concat(),
        ["async ", "fn"].concat(),
        ["#[al", "low("].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
    ];
    let exit = ["process::", "exit("].concat();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let at = || format!("{}:{}: {line}", path.display(), number + 1);
            for word in &never {
                assert!(!line.contains(word), "{word} in {}", at());
            }
            assert!(path.ends_with("src/main.rs") || !line.contains(&exit), "{exit} in {}", at());
        }
    }
    Ok(())
}

fn files_have_no_drawer_names() -> Result<(), Skip> {
    for (path, _) in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy();
        let drawer = ["util", "utils", "common", "shared", "helper", "helpers", "misc"];
        assert!(!drawer.contains(&stem.as_ref()), "{} is named for nothing in it", path.display());
    }
    Ok(())
}

//! The directions between the crates, read from the manifests, and what no source may contain.

use crate::{Skip, lab::root, tests};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

tests!(
    crates_point_one_way,
    third_party_crates_have_one_home,
    versions_stand_in_the_workspace,
    unsafe_is_in_bpf_only,
    sources_keep_to_the_house_rules,
    files_have_no_drawer_names,
);

/// The crates' folders. A crate is named as its folder's last part.
const CRATES: [&str; 6] = ["bpf", "bpf/unwind", "symbolizer", "output", "profiler", "tests"];

/// The names of all crates.
fn names() -> BTreeSet<&'static str> {
    CRATES.iter().map(|folder| folder.rsplit('/').next().unwrap()).collect()
}

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

/// What a crate's manifest says: dependencies by section.
fn dependencies(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let mut sections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
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
fn shipped(folder: &str) -> BTreeSet<String> {
    let sections =
        dependencies(folder).into_iter().filter(|(section, _)| section != "dev-dependencies");
    sections.flat_map(|(_, names)| names).collect()
}

fn crates_point_one_way() -> Result<(), Skip> {
    let names = names();
    let ours = |folder| -> BTreeSet<String> {
        shipped(folder).into_iter().filter(|d| names.contains(d.as_str())).collect()
    };
    for folder in ["bpf/unwind", "symbolizer", "output"] {
        assert_eq!(ours(folder), BTreeSet::new(), "{folder} imports none of the others");
    }
    assert_eq!(ours("bpf"), ["unwind"].map(String::from).into(), "bpf takes rules from unwind");
    let all = ["bpf", "output", "symbolizer"].map(String::from).into();
    assert_eq!(ours("profiler"), all, "profiler joins the three");
    Ok(())
}

fn third_party_crates_have_one_home() -> Result<(), Skip> {
    let mut homes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in CRATES.into_iter().filter(|name| *name != "tests") {
        for dependency in shipped(name).into_iter().filter(|d| !names().contains(d.as_str())) {
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
    for name in CRATES {
        let text = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let (_, after) = text.split_once("dependencies]").unwrap();
        for line in after.lines().filter(|line| line.contains("version")) {
            assert!(line.contains(".workspace = true"), "{name}: {line}");
        }
        assert!(text.contains("[lints]\nworkspace = true"), "{name} takes the workspace's lints");
    }
    Ok(())
}

/// Every source file of ours, Rust and C.
fn sources() -> Vec<(PathBuf, String)> {
    fn visit(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    visit(&path, found);
                }
            } else if name.ends_with(".rs") || name.ends_with(".c") || name.ends_with(".h") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    for name in CRATES {
        visit(&root().join(name), &mut found);
    }
    assert!(found.len() > 20, "the sources were read");
    found
}

fn unsafe_is_in_bpf_only() -> Result<(), Skip> {
    for (name, file) in [
        ("bpf/unwind", "src/lib.rs"),
        ("symbolizer", "src/lib.rs"),
        ("output", "src/lib.rs"),
        ("profiler", "src/lib.rs"),
        ("profiler", "src/main.rs"),
    ] {
        let path = root().join(name).join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{} forbids unsafe code", path.display());
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

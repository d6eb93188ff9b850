//! The `#include`s of the C sources.

use super::graph::Graph;
use super::manifests::source_folder;
use std::fs;
use std::path::Path;

/// The C sources of a crate, and what they include of each other: names in quotes, from beside or from a folder that the
/// build hands to the compiler.
pub(super) fn read(of: &str) -> (Vec<String>, Graph) {
    let mut sources = Vec::new();
    find(&source_folder(of), Path::new(""), &mut sources);
    let mut graph = Graph::default();
    for (path, text) in &sources {
        for line in text.lines() {
            let Some((name, _)) =
                line.strip_prefix("#include \"").and_then(|rest| rest.split_once('"'))
            else {
                continue;
            };
            let beside = beside(path, name);
            let file = sources.iter().map(|(path, _)| path).find(|file| **file == beside);
            let elsewhere = || {
                sources.iter().map(|(path, _)| path).find(|file| Path::new(file).ends_with(name))
            };
            if let Some(file) = file.or_else(elsewhere) {
                graph.tie(path, file, name);
            }
        }
    }
    (sources.into_iter().map(|(path, _)| path).collect(), graph)
}

/// A path as a file says it, from the root.
fn beside(file: &str, name: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn find(root: &Path, below: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(root.join(below)) else { return };
    for entry in entries {
        let below = below.join(entry.unwrap().file_name());
        if root.join(&below).is_dir() {
            find(root, &below, found);
        } else if below.extension().is_some_and(|kind| kind == "c" || kind == "h") {
            let text = fs::read_to_string(root.join(&below)).unwrap();
            found.push((below.to_str().unwrap().to_owned(), text));
        }
    }
}

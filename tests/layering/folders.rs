//! The folders of each crate and what they import, held against the map in `ARCHITECTURE.md`.

use super::manifests::{crates, source_folder, source_root};
use super::map::{self, Row};
use super::modules::Crate;
use super::{arrows, includes};
use crate::harness::{Skip, tests};
use std::collections::{BTreeMap, BTreeSet};

tests!(folders_keep_to_the_map, the_map_runs_one_way);

/// A crate's folders: what each imports from outside it, as rows would say, with the names that tie them.
type Folders = BTreeMap<String, BTreeMap<String, Tie>>;

/// An import that leaves its folder.
struct Tie {
    /// What a row could say to permit it: the folder of the file that is imported, or that file where the folder is around
    /// the importing one.
    entry: String,
    told: String,
}

/// Reads a crate's folders from its sources.
fn folders(of: &str) -> Folders {
    let read = Crate::read(&source_root(of));
    let rust = arrows::graph(&read);
    let c = includes::graph(of);
    let mut homes: BTreeMap<&str, String> = BTreeMap::new();
    for file in &read.files {
        homes.insert(&file.path, map::folder(file.folder.to_str().unwrap()));
    }
    let all_c = c.arrows.iter().flat_map(|(from, all)| all.keys().chain([from]));
    for path in all_c {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        homes.insert(path, map::folder(folder));
    }
    let mut folders: Folders =
        homes.values().map(|folder| (folder.clone(), BTreeMap::new())).collect();
    for (from, all) in rust.arrows.iter().chain(&c.arrows) {
        for (to, names) in all.iter().filter(|(to, _)| homes[to.as_str()] != homes[from.as_str()]) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let told = format!("{from} -> {to}: {}", names.join(", "));
            let (own, other) = (&homes[from.as_str()], &homes[to.as_str()]);
            let entry = if own.starts_with(other) { to } else { other }.clone();
            folders.get_mut(own).unwrap().insert(to.clone(), Tie { entry, told });
        }
    }
    folders
}

/// Whether an entry of a folder's row covers a file: a folder does with all below it, `..` those right in the folder around.
fn covers(entry: &str, folder: &str, file: &str) -> bool {
    if entry == ".." {
        let around = folder.trim_end_matches('/').rsplit_once('/').map_or("", |(around, _)| around);
        let right_in = file.rsplit_once('/').map_or("", |(around, _)| around);
        return right_in == around || face(around) == file;
    }
    if entry.ends_with('/') {
        file.starts_with(entry) || face(entry) == file
    } else {
        entry == file
    }
}

/// The file beside a folder that declares its modules.
fn face(folder: &str) -> String {
    format!("{}.rs", folder.trim_end_matches('/'))
}

fn folders_keep_to_the_map() -> Result<(), Skip> {
    let mut wrong = Vec::new();
    let mut rows = map::rows();
    for of in crates() {
        let source = source_folder(&of);
        for (folder, imported) in folders(&of) {
            let name = map::name(&of, &folder);
            let Some(row) =
                rows.iter().position(|row| row.folder == name).map(|at| rows.remove(at))
            else {
                let ties = imported.values().filter(|tie| !tie.entry.starts_with(&folder));
                let entries: BTreeSet<String> =
                    ties.map(|tie| format!("`{}`", tie.entry)).collect();
                let entries: Vec<String> = entries.into_iter().collect();
                wrong.push(format!("no row for | `{name}` | | {} |", entries.join(" ")));
                continue;
            };
            let may = |file: &String| {
                folder.is_empty()
                    || covers(&folder, "", file)
                    || row.may.iter().any(|entry| covers(entry, &folder, file))
            };
            wrong.extend(
                imported
                    .iter()
                    .filter(|(file, _)| !may(file))
                    .map(|(_, tie)| format!("against the row of {name}: {}", tie.told)),
            );
            let gone = row.may.iter().filter(|entry| {
                !source.join(&folder).join(entry).exists() && !source.join(entry).exists()
            });
            wrong.extend(
                gone.map(|entry| format!("the row of {name} names {entry}, which is not there")),
            );
        }
    }
    wrong.extend(rows.iter().map(|row| format!("a row, but no folder: {}", row.folder)));
    assert!(wrong.is_empty(), "ARCHITECTURE.md, Folders:\n{}", wrong.join("\n"));
    Ok(())
}

/// A row names only folders of rows further down: so no folders import each other, over any way. Files that a row names
/// are held by the test of the circles.
fn the_map_runs_one_way() -> Result<(), Skip> {
    let rows = map::rows();
    for of in crates() {
        let in_crate: Vec<&Row> = rows.iter().filter(|row| map::is_of(row, &of)).collect();
        for (at, row) in in_crate.iter().enumerate() {
            let below: BTreeSet<&str> =
                in_crate[at + 1..].iter().map(|row| row.folder.as_str()).collect();
            for entry in row.may.iter().filter(|entry| entry.ends_with('/')) {
                let name = map::name(&of, entry);
                assert!(
                    below.contains(name.as_str()),
                    "the row of {} names {entry}, which has no row below it",
                    row.folder
                );
            }
        }
    }
    Ok(())
}

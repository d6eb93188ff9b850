//! The folders of each crate and what they import, held against the map in `ARCHITECTURE.md`.

use super::map::{self, Row};
use super::plan::{self, Plan};
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

/// A crate's folders.
fn folders(plan: &Plan) -> Folders {
    let homes = &plan.homes;
    let mut folders: Folders =
        homes.values().map(|folder| (folder.clone(), BTreeMap::new())).collect();
    for (from, all) in plan.rust.arrows.iter().chain(&plan.c.arrows) {
        for (to, names) in all.iter().filter(|(to, _)| homes[*to] != homes[from]) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let told = format!("{from} -> {to}: {}", names.join(", "));
            let (own, other) = (&homes[from], &homes[to]);
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
    for plan in plan::all() {
        for (folder, imported) in folders(plan) {
            let name = map::name(&plan.of, &folder);
            match rows.iter().position(|row| row.folder == name) {
                Some(at) => wrong.extend(against(&rows.remove(at), plan, &folder, &imported)),
                None => wrong.push(row_wanted(&name, &folder, &imported)),
            }
        }
    }
    wrong.extend(rows.iter().map(|row| format!("a row, but no folder: {}", row.folder)));
    assert!(wrong.is_empty(), "ARCHITECTURE.md, Folders:\n{}", wrong.join("\n"));
    Ok(())
}

/// The defects of a folder's row.
fn against(row: &Row, plan: &Plan, folder: &str, imported: &BTreeMap<String, Tie>) -> Vec<String> {
    let may = |file: &String| {
        folder.is_empty()
            || covers(folder, "", file)
            || row.may.iter().any(|entry| covers(entry, folder, file))
    };
    let ties = imported.iter().filter(|(file, _)| !may(file));
    let mut wrong: Vec<String> =
        ties.map(|(_, tie)| format!("against the row of {}: {}", row.folder, tie.told)).collect();
    let is_there = |entry: &&String| {
        *entry == ".." || plan.homes.keys().any(|file| covers(entry, folder, file))
    };
    let gone = row.may.iter().filter(|entry| !is_there(entry));
    wrong.extend(
        gone.map(|entry| format!("the row of {} names {entry}, which is not there", row.folder)),
    );
    wrong
}

/// A row as a folder would need it.
fn row_wanted(name: &str, folder: &str, imported: &BTreeMap<String, Tie>) -> String {
    let ties = imported.values().filter(|tie| !tie.entry.starts_with(folder));
    let entries: BTreeSet<String> = ties.map(|tie| format!("`{}`", tie.entry)).collect();
    let entries: Vec<String> = entries.into_iter().collect();
    format!("no row for | `{name}` | | {} |", entries.join(" "))
}

/// Files of folders further up that a row names, because folders still import each other. A number that may only fall.
const UPWARDS: usize = 1;

/// A row names only folders of rows further down, and files of these or of folders around it: so no folders import each
/// other, over any way. What a folder and one in it have of each other is held by the test of the circles.
fn the_map_runs_one_way() -> Result<(), Skip> {
    let rows = map::rows();
    let mut upwards = Vec::new();
    for plan in plan::all() {
        let in_crate: Vec<&Row> = rows.iter().filter(|row| map::is_of(row, &plan.of)).collect();
        for (at, row) in in_crate.iter().enumerate() {
            let below = &in_crate[at + 1..];
            for entry in row.may.iter().filter(|entry| *entry != "..") {
                let home = plan.homes.get(entry).unwrap_or(entry);
                let name = map::name(&plan.of, home);
                if below.iter().any(|row| row.folder == name)
                    || (home != entry && row.folder.starts_with(&name))
                {
                    continue;
                }
                assert!(
                    home != entry,
                    "the row of {} names {entry}, which has no row below it",
                    row.folder
                );
                upwards.push(format!("{} names {entry}, whose folder is further up", row.folder));
            }
        }
    }
    for line in &upwards {
        eprintln!("{line}");
    }
    assert!(
        upwards.len() <= UPWARDS,
        "{} files of folders further up, {UPWARDS} may be",
        upwards.len()
    );
    Ok(())
}

//! The map of the folders, as `ARCHITECTURE.md` draws it.

use super::manifests::{crates, source_folder};
use crate::lab::root;
use std::fs;

/// A row of the map.
#[derive(Debug)]
pub(super) struct Row {
    /// From the project's root, as in `profiler/src/tell/`.
    pub(super) folder: String,
    /// Folders and files that it may import, from the crate's source folder.
    pub(super) may: Vec<String>,
    /// Its files may import each other in one circle, for the reason that the row gives.
    pub(super) circle: bool,
}

/// All folders.
pub(super) fn rows() -> Vec<Row> {
    tables("folder")
}

/// The crates and the folders beside them. What a crate may import are crates.
pub(super) fn rooms() -> Vec<Row> {
    tables("room")
}

/// The rows of all tables of three columns whose first is called so.
fn tables(first: &str) -> Vec<Row> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let head = format!("| {first} | is | may import |");
    let mut rows = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == head {
            rows.extend(lines.by_ref().skip(1).map_while(row));
        }
    }
    assert!(!rows.is_empty(), "ARCHITECTURE.md has a table {head}");
    rows
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> =
        line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [folder, is, may] = cells[..] else { panic!("a row of three cells: {line}") };
    assert!(!is.is_empty(), "what the folder is: {line}");
    let may = quoted(may).into_iter().map(str::to_owned).collect();
    Some(Row {
        folder: folder.trim_matches('`').to_owned(),
        may,
        circle: is.contains("one circle: "),
    })
}

/// What stands between backticks.
pub(super) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A folder below a crate's source folder, with a slash behind it; the source folder itself is empty.
pub(super) fn folder(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}/") }
}

/// A folder of a crate as rows name it.
pub(super) fn name(of: &str, folder: &str) -> String {
    let source = source_folder(of);
    let source = source.strip_prefix(root()).unwrap().to_str().unwrap();
    format!("{source}/{folder}")
}

/// Whether a row is of a crate.
pub(super) fn is_of(row: &Row, of: &str) -> bool {
    let inner = crates().into_iter().filter(|name| name.len() > of.len());
    let mut inner = inner.map(|name| self::name(&name, ""));
    row.folder.starts_with(&name(of, "")) && !inner.any(|inner| row.folder.starts_with(&inner))
}

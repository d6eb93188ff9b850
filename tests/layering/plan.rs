//! The sources of a crate: its files, their folders, and their imports. They are read once, because that takes a second.

use super::graph::Graph;
use super::manifests::{crates, source_root};
use super::modules::Crate;
use super::{arrows, includes, map};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The plan of a crate.
#[derive(Debug)]
pub(super) struct Plan {
    /// The crate's folder, as in `output/send`.
    pub(super) of: String,
    /// The folder of each file, Rust and C.
    pub(super) homes: BTreeMap<String, String>,
    pub(super) rust: Graph,
    pub(super) c: Graph,
}

impl Plan {
    fn read(of: String) -> Self {
        let sources = Crate::read(&source_root(&of));
        let rust = arrows::graph(&sources);
        let (files, c) = includes::read(&of);
        let mut homes = BTreeMap::new();
        for file in sources.files {
            homes.insert(file.path, map::folder(file.folder.to_str().unwrap()));
        }
        for path in files {
            let folder = map::folder(path.rsplit_once('/').map_or("", |(folder, _)| folder));
            homes.insert(path, folder);
        }
        Self { of, homes, rust, c }
    }
}

/// The plans of all crates.
pub(super) fn all() -> &'static [Plan] {
    static ALL: OnceLock<Vec<Plan>> = OnceLock::new();
    ALL.get_or_init(|| crates().into_iter().map(Plan::read).collect())
}

//! Node.js.

use super::entry::{Entry, Unnamed, is_program, no_version, starts};

pub(super) const ENTRY: Entry = Entry {
    name: "Node.js",
    module: "[node]",
    is_file: |name| name == b"nodejs" || starts(name, "libnode.so") || is_program(name, "node"),
    version: no_version,
    hint: Some("node: start it with --perf-basic-prof"),
    unnamed: Unnamed {
        fact: "JavaScript has no names",
        cure: Some("start it with node --perf-basic-prof …"),
        since: None,
    },
    frame_pointers: None,
    reader: None,
};

//! Node.js.

use super::entry::{Entry, Unnamed, is_program, no_version, starts};
use super::v8::V8;

pub(super) const ENTRY: Entry = Entry {
    name: "Node.js",
    module: "[node]",
    is_file: |name| name == b"nodejs" || starts(name, "libnode.so") || is_program(name, "node"),
    version: no_version,
    hint: None,
    unnamed: Unnamed {
        fact: "functions are read of Node.js 18, 20, 22, 24, 25 and 26, and the V8 of this one is not known",
        cure: Some("start it with node --perf-basic-prof …"),
        since: None,
    },
    frame_pointers: None,
    reader: Some(&V8),
};

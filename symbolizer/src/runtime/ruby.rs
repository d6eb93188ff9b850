//! Ruby.

use super::entry::{Entry, Unnamed, is_program, no_version, starts};

pub(super) const ENTRY: Entry = Entry {
    name: "Ruby",
    module: "[ruby]",
    is_file: |name| starts(name, "libruby") || is_program(name, "ruby"),
    version: no_version,
    hint: Some("Ruby: interpreter names are not shown yet (YJIT: --yjit-perf)"),
    unnamed: Unnamed {
        fact: "Ruby methods are not shown yet, only the interpreter",
        cure: None,
        since: None,
    },
    frame_pointers: None,
    reader: None,
};

//! What `/proc` tells of processes, and opening the files that it names.
//!
//! Modules in reading order: `task` (one directory of `/proc`), `maps` (its mappings), `open` (a file that was mapped), `roots` (mount
//! namespaces), `source` (where one process's files are looked for).

pub(crate) mod maps;
pub(crate) mod open;
pub(crate) mod roots;
pub(crate) mod source;
pub(crate) mod task;

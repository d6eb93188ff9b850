//! Reading processes from `/proc`, and opening the files that it names.
//!
//! Modules in reading order: `task` (one directory of `/proc`), `maps` (its mappings), `open` (a file that was mapped), `roots` (mount
//! namespaces), `source` (the places in which one process's files are searched).

pub(crate) mod maps;
pub(crate) mod open;
pub(crate) mod roots;
pub(crate) mod source;
pub(crate) mod task;

//! The files that are mapped as code.
//!
//! Modules in reading order: `loaded` (what is read of a file), `descriptors` (how many stay open), `entry` (one file), `kept` (all of them).

pub(crate) mod descriptors;
mod entry;
pub(crate) mod kept;
pub(crate) mod loaded;

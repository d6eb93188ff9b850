//! The files that are mapped as code.
//!
//! Modules in reading order: `loaded` (the parts of a file that are read), `descriptors` (how many files stay open),
//! `payer` (the process that they count for), `entry` (one file), `kept` (all files).

pub(crate) mod descriptors;
mod entry;
pub(crate) mod kept;
pub(crate) mod loaded;
pub(crate) mod payer;

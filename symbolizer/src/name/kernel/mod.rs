//! Names of kernel code.
//!
//! Modules in reading order: `names`, [`kallsyms`].

pub mod kallsyms;
pub(crate) mod names;

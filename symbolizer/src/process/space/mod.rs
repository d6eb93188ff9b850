//! One address space.
//!
//! Modules in reading order: `mappings` (its executable memory), `jit` (its perf map), `image` (all of it), `hindsight` (what was read too late).

pub(crate) mod hindsight;
pub(crate) mod image;
pub(crate) mod jit;
pub(crate) mod mappings;

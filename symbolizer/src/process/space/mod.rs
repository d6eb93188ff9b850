//! One address space.
//!
//! Modules in reading order: `mappings` (its executable memory), `story` (how they are known), `jit` (its perf map),
//! `reading` (what is not certain yet), `image` (all of it), `hindsight` (what was read too late).

pub(crate) mod hindsight;
pub(crate) mod image;
pub(crate) mod jit;
pub(crate) mod mappings;
mod reading;
pub(crate) mod story;

//! One address space.
//!
//! Modules in reading order: `mappings` (its executable memory), `story` (how much is known of it), `jit` (its perf
//! map), `reading` (an uncertain reading), `image` (all of it), `hindsight` (readings that came too late).

pub(crate) mod hindsight;
pub(crate) mod image;
pub(crate) mod jit;
pub(crate) mod mappings;
mod reading;
pub(crate) mod story;

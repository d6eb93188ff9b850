//! From a source of samples to counted stacks.
//!
//! In reading order: `source` (live or saved), `freeze` (kernels that must not be sampled), `collect` (the loop), `drain_budget`,
//! `aggregate` and `stacks`, `cpu_time` (as the kernel counts it), `saved_recording`.

pub(crate) mod aggregate;
pub(crate) mod collect;
pub(crate) mod cpu_time;
pub(crate) mod drain_budget;
mod freeze;
pub(crate) mod saved_recording;
pub(crate) mod source;
pub(crate) mod stacks;
#[cfg(test)]
pub(crate) mod testing;

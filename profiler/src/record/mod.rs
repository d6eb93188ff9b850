//! From a source of samples to counted stacks.
//!
//! In reading order: `source` (live or stored), `freeze` (kernels that must not be sampled), `pace` and `drain_budget`
//! (when it is drained), `limits` (what ends it), `batch` (the order of what is done with it), `aggregate` and `stacks`, `cpu_time` (what the kernel
//! accounts), `saved_recording`, `recorded`.

pub(crate) mod aggregate;
pub(crate) mod batch;
pub(crate) mod cpu_time;
mod drain_budget;
mod freeze;
pub(crate) mod limits;
pub(crate) mod pace;
pub(crate) mod recorded;
pub(crate) mod saved_recording;
pub(crate) mod source;
pub(crate) mod stacks;
#[cfg(test)]
pub(crate) mod testing;

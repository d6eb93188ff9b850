//! From a source of samples to counted stacks.
//!
//! In reading order: `source` (live or saved), `freeze` (kernels that must not be sampled), `pace` and `drain_budget`
//! (the time between drains), `limits` (the end), `batch` (the order of steps for a batch), `aggregate`, `counts`,
//! `stacks` and `interner`, `cpu_time` (the kernel's own count), `saved_recording`, `recorded` (the result).

pub(crate) mod aggregate;
pub(crate) mod batch;
mod conceal;
pub(crate) mod counts;
pub(crate) mod cpu_time;
mod drain_budget;
mod freeze;
mod interner;
pub(crate) mod limits;
pub(crate) mod pace;
pub(crate) mod recorded;
pub(crate) mod run_time_code;
pub(crate) mod saved_recording;
pub(crate) mod source;
pub(crate) mod stacks;
#[cfg(test)]
pub(crate) mod testing;

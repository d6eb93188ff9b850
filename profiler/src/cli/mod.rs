//! The command line: [`args`] (what can be typed), [`config`] and [`outputs`] (what is needed of it), [`target_spec`], `debuginfod` and
//! `secrets` (what variables hold), `mistakes` (messages for wrong command lines), `completions` (for shells and `man`).

pub mod args;
#[cfg_attr(not(feature = "completions"), path = "completions/left_out.rs")]
pub(crate) mod completions;
pub mod config;
pub(crate) mod debuginfod;
pub(crate) mod left_out;
pub(crate) mod mistakes;
pub mod outputs;
pub(crate) mod secrets;
pub mod target_spec;

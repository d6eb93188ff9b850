//! The command line: [`args`] (what can be typed), [`config`] (what is needed of it), [`target_spec`], `debuginfod` and
//! `secrets` (what variables hold), `completions` (for shells and `man`).

pub mod args;
pub(crate) mod completions;
pub mod config;
pub(crate) mod debuginfod;
pub(crate) mod secrets;
pub mod target_spec;

//! The command line: [`args`] (what can be typed), [`config`] (what is needed of it), `debuginfod` (the servers of its variable),
//! `completions` (for shells and `man`).

pub mod args;
pub(crate) mod completions;
pub mod config;
pub(crate) mod debuginfod;

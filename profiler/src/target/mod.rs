//! The target: [`resolved`] (from the command line to tasks), `tracee` (the recorded tasks, from start to exit code), `command` and
//! `gate` (a command that waits until sampling begins), `watch` (waiting for the end),
//! `slug` (names for files).

pub(crate) mod command;
pub(crate) mod gate;
pub mod resolved;
pub(crate) mod slug;
pub(crate) mod tracee;
pub(crate) mod watch;

//! Whose samples: [`resolved`] (from what was typed to tasks), `tracee` (what is recorded, from its start to its exit
//! code), `command` and `gate` (a command that waits until sampling begins), `watch` (waiting for the end).

pub(crate) mod command;
pub(crate) mod gate;
pub mod resolved;
pub(crate) mod tracee;
pub(crate) mod watch;

//! The target, as typed.

use super::args::Wanted;
use std::ffi::OsString;

/// The target of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSpec {
    /// Every task.
    Machine,
    /// Processes by id or name, with the children that already exist.
    Processes {
        /// Their ids and names.
        wanted: Vec<Wanted>,
        /// Whether existing children belong to them.
        tree: bool,
    },
    /// Threads by id.
    Threads(Vec<u32>),
    /// A command that is started by bpflame.
    Command(Vec<OsString>),
}

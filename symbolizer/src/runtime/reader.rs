//! Functions that an interpreter runs, read from its process's memory.

use crate::reason::Reason;
use std::fmt::Debug;
use std::fs::File;

/// What a frame that an interpreter runs was found with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Address of the code object.
    pub address: u64,
    /// Where in it, in the interpreter's own unit.
    pub position: u32,
    /// What the object was known by when the sample was taken: its memory may be another's by now.
    pub check: u32,
}

/// A function that an interpreter runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, as its language writes it.
    pub name: String,
    /// Source file, empty where not known.
    pub file: String,
    /// Line of the position, from 1; 0 where not known.
    pub line: u32,
}

/// Gives names to the code objects of one kind of interpreter. What it reads is foreign memory, which changes while it
/// is read: it bounds all it reads, and believes an object only if its check says so.
pub trait Reader: Debug + Send + Sync {
    /// The functions of sorted objects of one process, in their order. `memory` is the process's memory (`/proc/PID/mem`,
    /// which is read by address); `None` where the process is gone.
    fn functions(&self, memory: Option<&File>, objects: &[Object])
    -> Vec<Result<Function, Reason>>;
}

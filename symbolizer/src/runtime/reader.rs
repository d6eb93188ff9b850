//! Readers of the functions that an interpreter runs, from its process's memory.

use crate::reason::Reason;
use std::fmt::Debug;
use std::fs::File;

/// The facts about an interpreter's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Address of the code object.
    pub address: u64,
    /// The position in the object, in the interpreter's own unit.
    pub position: u32,
    /// A check word of the object at the time of the sample. Its memory may be reused later.
    pub check: u32,
}

/// A function that an interpreter runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, as its language writes it.
    pub name: String,
    /// Source file; empty if unknown.
    pub file: String,
    /// Line of the position, from 1; 0 if unknown.
    pub line: u32,
}

/// Names the code objects of one kind of interpreter. It reads foreign memory, which may change during the reading. So
/// it bounds all reads, and trusts an object only if its check is right.
pub trait Reader: Debug + Send + Sync {
    /// The functions of sorted objects of one process, in their order. `memory` is the process's memory
    /// (`/proc/PID/mem`, read by address); `None` if the process has ended.
    fn functions(&self, memory: Option<&File>, objects: &[Object])
    -> Vec<Result<Function, Reason>>;
}

//! What a walk begins with: a process that was stopped.

use crate::sampler::{SpaceName, Unwind};

/// Registers that a walk begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Instruction pointer.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer.
    pub fp: u64,
    /// The saved register that a few rules build on: rbx.
    pub spare: u64,
    /// The one that functions use while they align their stack: r10.
    pub realign: u64,
}

/// A process that was stopped, and how it is to be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which it is.
    pub process: SpaceName,
    /// By whom it was forked, if it has not called exec since; both were started at the same time.
    pub parent: Option<u32>,
    /// Of the interrupted code.
    pub registers: Registers,
    /// User memory that can be read, by its address.
    pub memory: Vec<(u64, Vec<u8>)>,
    /// For what uprobes wait, innermost first: where a return address stood, and that address.
    pub returns: Vec<(u64, u64)>,
    /// How it is walked.
    pub unwind: Unwind,
    /// Whether callers are guessed.
    pub guess: bool,
}

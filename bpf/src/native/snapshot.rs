//! The start of a walk: a stopped process.

use crate::sampler::{SpaceName, Unwind};

/// The registers that a walk begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Instruction pointer.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer.
    pub fp: u64,
    /// rbx, a saved register that a few rules use.
    pub spare: u64,
    /// r10, which functions use while they align their stack; r13, which Java's interpreter uses; and rdi, the first argument.
    pub realign: u64,
}

/// A stopped process, and the mode of its walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The identity of the process.
    pub process: SpaceName,
    /// The process that forked it, if it has not called exec since. Both have the same start time.
    pub parent: Option<u32>,
    /// The registers of the interrupted code.
    pub registers: Registers,
    /// The thread's pointer to its own data.
    pub thread_pointer: u64,
    /// The readable user memory, by address.
    pub memory: Vec<(u64, Vec<u8>)>,
    /// The returns that uprobes watch, innermost first: the place of the return address, and the address.
    pub returns: Vec<(u64, u64)>,
    /// The mode of walking.
    pub unwind: Unwind,
    /// Whether callers are guessed.
    pub guess: bool,
}

impl Snapshot {
    /// A process with all registers zero and without memory, walked as by default.
    pub fn of(process: SpaceName) -> Self {
        Self {
            process,
            parent: None,
            registers: Registers::default(),
            thread_pointer: 0,
            memory: Vec::new(),
            returns: Vec::new(),
            unwind: Unwind::Auto,
            guess: true,
        }
    }
}

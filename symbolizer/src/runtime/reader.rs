//! Readers of a runtime's functions, from the memory of its process.

use super::kept::Kept;
use crate::reason::Reason;
use std::fmt::Debug;

/// Memory of a process, read by address.
pub trait Memory {
    /// Fills `bytes` from this address on. Returns whether all of them could be read.
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool;

    /// The word at an address.
    fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.fill(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }

    /// What was derived from memory before, and what tells this memory from that of other processes. `None`: nothing is kept.
    fn kept(&self) -> Option<(&Kept, [u64; 2])> {
        None
    }
}

/// A process that runs a runtime.
#[derive(Clone, Copy)]
pub struct Running<'a> {
    /// Its memory.
    pub memory: &'a dyn Memory,
    /// The address in this memory of the ELF header of the runtime's file, a library or the program.
    pub image: u64,
}

impl Debug for Running<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running {{ image: {:#x} }}", self.image)
    }
}

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

/// What remains of an object: its first bytes, and those of the texts that are its name and its file's name, as they were at its first
/// sample. What could not be read is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains(pub [Vec<u8>; 3]);

/// The code at an address at the time of a sample. Its memory may be reused later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// Nobody tells this runtime's code apart.
    #[default]
    None,
    /// The piece of code with this mark, which is never 0. Two pieces in one place have the same one with probability 2⁻³².
    Is(u32),
    /// It is not known which code was there.
    Lost(Reason),
}

impl Check {
    /// The piece of code with a mark of 64 bits.
    pub fn of_mark(mark: u64) -> Self {
        Self::Is(((mark >> 32) as u32).max(1))
    }
}

/// An address in code that a runtime made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code {
    /// The run-time address.
    pub address: u64,
    /// The code that was there.
    pub check: Check,
}

/// A function of a runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name, as its language writes it.
    pub name: String,
    /// Source file; empty if unknown.
    pub file: String,
    /// Line of its definition, from 1; 0 if unknown.
    pub start: u32,
    /// Line of the position, from 1; 0 if unknown.
    pub line: u32,
    /// Whether the runtime has not kept the exact line or inlining of the position.
    pub approximate: bool,
    /// Whether its code was compiled, where the place does not tell.
    pub compiled: bool,
}

/// The functions at one position, innermost first: each was inlined into the next one. None at all: the frame is one that the runtime made for
/// itself, and is not shown.
pub type Found = Result<Vec<Function>, Reason>;

/// Names the code of one kind of runtime. It reads foreign memory, which may change during the reading. So it bounds
/// all reads, and trusts an object only if its check is right.
pub trait Reader: Debug + Send + Sync {
    /// The functions of sorted objects of one process, in their order.
    fn functions(&self, process: &Running<'_>, objects: &[Object]) -> Vec<Found>;

    /// The functions of an object that memory no longer has, by what remains of it. If the process has ended, its memory has no more than the
    /// runtime's file.
    fn gone(&self, process: &Running<'_>, object: &Object, remains: &Remains) -> Found {
        let _ = (process, object, remains);
        Err(Reason::ObjectGone)
    }

    /// Whether it names code that the runtime has compiled.
    fn names_code(&self) -> bool {
        false
    }

    /// The functions at sorted addresses in code that the runtime made, in their order.
    fn code(&self, process: &Running<'_>, addresses: &[u64]) -> Vec<Found> {
        let _ = process;
        vec![Err(Reason::NoReader); addresses.len()]
    }

    /// The same for code that may have been freed and replaced since: where it is another now, it is gone.
    fn checked_code(&self, process: &Running<'_>, code: &[Code]) -> Vec<Found> {
        let addresses: Vec<u64> = code.iter().map(|code| code.address).collect();
        self.code(process, &addresses)
    }
}

//! Readers of a runtime's functions, from the memory of its process.

use crate::reason::Reason;
use std::fmt::Debug;

/// Memory of a process, read by address.
pub trait Memory {
    /// Fills `bytes` from this address on. Returns whether all of them could be read.
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool;

    /// A number that tells the process from every other one; 0: not known.
    fn process(&self) -> u32 {
        0
    }

    /// The word at an address.
    fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.fill(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
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

/// An object and the texts that it names, as they were at the object's first sample. It may have been freed since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The first bytes of the object, of the text that is its name, and of the text that is its file's name. What could not be read is zero.
    pub parts: [Vec<u8>; 3],
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

    /// The functions of an object that memory no longer has, by what was kept of it.
    fn kept(&self, process: &Running<'_>, object: &Object, kept: &Kept) -> Found {
        let _ = (process, object, kept);
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
}

//! A piece of run-time code as HotSpot describes it, and the rules that several kinds of pieces have.

use crate::rule::{Cfa, Restore, ReturnAddress, Rule, RuleTrust, Unsupported, registers};

/// A piece of code.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    /// The runtime's description of it.
    pub what: What<'a>,
    /// The address of its first byte.
    pub address: u64,
    /// Its code.
    pub code: &'a [u8],
}

/// The runtime's description of a piece of code. Offsets are in bytes from its begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// A compiled method or a native one's wrapper.
    Compiled {
        /// The offset from which the frame is set up.
        complete: u32,
        /// Words of the frame, return address and saved frame pointer included.
        words: u32,
        /// Another entry, in the middle of a loop.
        second_entry: Option<u32>,
    },
    /// A stub with one entry at its begin.
    Stub {
        /// Words of its frame at calls of the runtime; `None` if the runtime does not say.
        words: Option<u32>,
    },
    /// The interpreter.
    Interpreter {
        /// Its pieces, sorted and apart.
        pieces: &'a [Codelet],
    },
    /// From the interpreter's calls to those of compiled code, and back.
    Adapter,
    /// Code that is called or jumped to and keeps nothing on the stack.
    Frameless,
    /// Stubs written by hand, one after the other.
    Routines {
        /// Words of the runtime's data that may point at entries, sorted.
        pointers: &'a [u64],
    },
    /// Code whose frames are not known.
    Opaque,
}

/// A piece of the interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codelet {
    /// Its begin, in bytes from the interpreter's begin.
    pub begin: u32,
    /// Its end.
    pub end: u32,
    /// Whether it is a method's entry, where the frame is not set up yet.
    pub entry: bool,
}

/// The rule for code about which nothing is known.
pub(super) const UNKNOWN: Rule = Rule::unsupported(Unsupported::Runtime);

/// The frame address at so many bytes from the stack pointer.
pub(super) fn height_rule(height: i32, fp: Restore, trust: RuleTrust) -> Rule {
    let cfa = Cfa::Register { register: registers::STACK_POINTER, offset: height };
    Rule { fp, trust, ..Rule::of(cfa) }
}

/// The rule of a frame whose frame pointer has this at it: the caller's frame pointer, and above it the return address.
pub(super) fn by_frame_pointer(cfa: Cfa) -> Rule {
    Rule { fp: Restore::AtFramePointer(0), ra: ReturnAddress::AtFramePointer(8), ..Rule::of(cfa) }
}

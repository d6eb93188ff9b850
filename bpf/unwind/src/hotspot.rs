//! Rules for the run-time code of HotSpot, the Java virtual machine. They are made from HotSpot's description of each piece of code,
//! and from its bytes.
//!
//! HotSpot's code cache holds blobs. The kind of a blob decides how its frames are found. Compiled methods and many stubs have frames
//! of a known size ([`What::Compiled`], [`What::Stub`]). The interpreter's frames keep the caller's stack pointer beside the frame
//! pointer, because an adapter may have extended the caller's frame ([`What::Interpreter`]). Code that only jumps on has no frame
//! ([`What::Frameless`]). One pass from begin to end disassembles prologues and epilogues. It follows the stack's height, and takes
//! the height from the description after instructions that do not lead on. Neither the description nor the bytes are trusted: work
//! and memory are bounded by the number of bytes, and code that is not understood is [`Unsupported::Runtime`].
//!
//! In reading order: [`Blob`] and [`rules`], `sweep` (the pass), `height` (compiled methods and stubs), `interpreter`,
//! `adapter`, `routines` (hand-written stubs, by [`synth`](super::synth)), [`source`] (blobs to a table's source).

mod adapter;
mod height;
#[cfg(test)]
mod hostile;
mod interpreter;
mod routines;
mod rows;
mod sweep;
#[cfg(test)]
mod tests;

pub use rows::{Rows, not_yet, source};

use super::rule::{Cfa, Restore, ReturnAddress, Rule, RuleTrust, Unsupported, registers};

/// Bytes of a larger blob are not looked at.
pub const MOST_CODE: usize = 8 << 20;

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

/// The rules of a piece of code, over all its bytes.
pub fn rules(blob: &Blob<'_>) -> Rows {
    if blob.code.len() > MOST_CODE {
        return Rows::of(UNKNOWN);
    }
    match blob.what {
        What::Compiled { complete, words, second_entry } => {
            height::compiled(blob, complete, words, second_entry)
        }
        What::Stub { words } => height::stub(blob, words),
        What::Interpreter { pieces } => interpreter::rows(blob, pieces),
        What::Adapter => adapter::rows(blob),
        What::Frameless => Rows::of(height_rule(8, Restore::Same, RuleTrust::Synthesised)),
        What::Routines { pointers } => routines::rows(blob, pointers),
        What::Opaque => Rows::of(UNKNOWN),
    }
}

/// The rule for code about which nothing is known.
const UNKNOWN: Rule = Rule::unsupported(Unsupported::Runtime);

/// The frame address at so many bytes from the stack pointer.
fn height_rule(height: i32, fp: Restore, trust: RuleTrust) -> Rule {
    let cfa = Cfa::Register { register: registers::STACK_POINTER, offset: height };
    Rule { fp, trust, ..Rule::of(cfa) }
}

/// The rule of a frame whose frame pointer has this at it: the caller's frame pointer, and above it the return address.
fn by_frame_pointer(cfa: Cfa) -> Rule {
    Rule { fp: Restore::AtFramePointer(0), ra: ReturnAddress::AtFramePointer(8), ..Rule::of(cfa) }
}

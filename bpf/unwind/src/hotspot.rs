//! Rules for the run-time code of HotSpot, the Java virtual machine. They are made from HotSpot's description of each piece of code,
//! and from its bytes.
//!
//! HotSpot's code cache holds blobs. The kind of a blob decides how its frames are found. Compiled methods and many stubs have frames
//! of a known size ([`What::Compiled`], [`What::Stub`]). The interpreter's frames keep the caller's stack pointer beside the frame
//! pointer, because an adapter may have extended the caller's frame ([`What::Interpreter`]). Code that only jumps on has no frame
//! ([`What::Frameless`]). One pass from begin to end disassembles prologues and epilogues. It follows the stack's height, and takes
//! the height from the description after instructions that do not lead on. Neither the description nor the bytes are trusted: work
//! and memory are bounded by the number of bytes, and code that is not understood is `Unsupported::Runtime`.
//!
//! In reading order: [`Blob`] and [`rules`], `sweep` (the pass), `height` and `kept` (compiled methods and stubs), `interpreter`,
//! `adapter`, `routines` (hand-written stubs, by [`synth`](super::synth)), [`source`] (blobs to a table's source).

mod adapter;
mod blob;
mod height;
#[cfg(test)]
mod hostile;
mod interpreter;
mod kept;
mod routines;
mod rows;
mod sweep;
#[cfg(test)]
mod tests;

pub use blob::{Blob, Codelet, What};
pub use rows::{Rows, not_yet, source};

use crate::rule::{Restore, RuleTrust};
use blob::{UNKNOWN, height_rule};

/// Bytes of a larger blob are not looked at.
pub const MOST_CODE: usize = 8 << 20;

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

//! pprof's format: protocol buffers, compressed with gzip.
//!
//! [`Pprof`] writes a profile. [`read`] reads a profile of any producer. Messages and field numbers are those of `profile.proto`
//! (github.com/google/pprof).

mod assemble;
mod body;
mod decode;
mod encode;
mod fields;
mod location_ids;
mod mappings;
mod parts;
mod strings;
mod texts;
mod wire;

pub use decode::{Limits, read};
pub use encode::{FORMAT, Pprof, packed};
pub use parts::{Common, Parts, SPOILT};
use strings::Strings;
pub use texts::LabelIds;

/// The label with the number of guessed frames. Stacks without any do not have it.
pub const GUESSED_FRAMES: &str = "guessed_frames";
/// The label with the number of functions whose line is near the position and not at it. Stacks without any do not have it.
pub const APPROXIMATE_LINES: &str = "approximate_lines";
/// The label of a stack whose frames at the root are missing. Its value is `true`.
pub const TRUNCATED: &str = "truncated";
/// The label of a stack whose leaf's caller may be missing. Its value is `true`.
pub const CALLER_MAY_BE_MISSING: &str = "caller_may_be_missing";

/// The file of the mapping that is written if a profile has none. No location refers to it.
const NO_FILE: &str = "[no file]";

#[cfg(test)]
mod go;
#[cfg(test)]
mod tests;

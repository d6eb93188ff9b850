//! The reader of ELF files: header, sections, segments, notes, symbol tables, relocations.
//!
//! *What it is.* Little-endian ELF of both classes, read from memory or from an open file by positioned reads
//! ([`Bytes`]). A file is never mapped: one that shrinks meanwhile is an error and not a signal. *What you must do.*
//! Give a bound with everything that is read, because a foreign file states any size. *What it does.*
//! Checks every offset; a malformed file is an [`Error`] or has less in it, and never a panic. *What it is not.* It makes
//! no names, rules or ranges, and follows no reference to another file.
//!
//! Modules in reading order: [`Bytes`], [`word`], [`Header`], [`Section`], [`Segment`], [`note`], [`Image`] (all of it
//! together), [`Symbols`], [`Relocation`].
#![forbid(unsafe_code)]

mod bytes;
mod error;
mod header;
mod image;
pub mod note;
mod relocation;
mod section;
mod segment;
mod symbol;
#[cfg(test)]
mod tests;
pub mod word;

pub use bytes::Bytes;
pub use error::Error;
pub use header::Header;
pub use image::{Image, MAX_FILE};
pub use relocation::{Relocation, relocations};
pub use section::{SHF_COMPRESSED, SHT_NOBITS, Section};
pub use segment::Segment;
pub use symbol::{Binding, Symbol, SymbolKind, Symbols};

/// `e_machine` of x86-64.
pub const X86_64: u16 = 62;
/// `e_machine` of arm64.
pub const AARCH64: u16 = 183;

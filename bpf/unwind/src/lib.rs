//! Unwind rules from the bytes of a file's sections and from its code.
//!
//! *What it is.* A [`rule`] says how to find the caller's frame at an address. A [`table`](table::Table) has a file's rules in rows and
//! pages, as the kernel program searches them.
//! *What you must do.* Say where the file's code lies ([`table::Code`]), make a [`table::Source`] from each of its sections, and join
//! them with [`table::Table::build`]: where two cover an address, the earlier one has its way.
//! *What it does.* Sections and code are foreign bytes: work and memory are bounded by their number, nothing panics, and what cannot be
//! expressed is a rule that says so.
//! *What it is not.* It opens no file, knows no process and no kernel, and has no `unsafe` code.
//!
//! Modules in reading order: [`rule`], [`table`], [`eh_frame`] and [`go`] (the file's own rules), [`epilogue`] (where they are stale),
//! [`signal_return`], [`start`] and [`synth`] (code without entries), [`framed`] (more of that than can be followed), [`hotspot`] (Java's
//! run-time code), [`v8`] (where its interpreter is called). [`parts`] finds the parts of a function. [`FrameSections`] judges leaves that were left by frame pointer.

#![forbid(unsafe_code)]

pub mod eh_frame;
pub mod epilogue;
mod expression;
pub mod framed;
pub mod go;
pub mod hotspot;
mod instruction;
mod leaf;
pub mod parts;
pub mod rule;
pub mod signal_return;
pub mod start;
pub mod synth;
pub mod table;
pub mod v8;

pub use leaf::{CfaBase, FrameSections};

//! Unwind rules from the bytes of a file's sections; pure, apart from the kernel.
//!
//! The data flow: section bytes and executable ranges → rules over address ranges ([`eh_frame`], [`go`]; [`synth`] and
//! [`signal_return`] for code without entries, [`epilogue`] for stale rules) → a [`table`] of rows in pages, which the kernel program
//! searches. A [`rule`] says how to find the caller's frame at an address. [`hotspot`] is for Java's run-time code.

#![forbid(unsafe_code)]

pub mod eh_frame;
pub mod epilogue;
mod expression;
pub mod framed;
pub mod go;
pub mod hotspot;
mod instruction;
mod leaf;
pub mod rule;
pub mod signal_return;
pub mod synth;
pub mod table;

pub use leaf::{CfaBase, FrameSections};

//! The process that makes names. It reads files, maps and memory that strangers made, so it has no rights: what takes it over can answer
//! with wrong names, and nothing else.
//!
//! In reading order: `start` (the side that samples), `answering` (its life), `sandbox` (what it gives up).

pub(crate) mod answering;
mod sandbox;
pub(crate) mod start;

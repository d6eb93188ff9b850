//! All processes.
//!
//! Modules in reading order: `state` (the table, and what changes it), `reading` (from an address to its place), `sweep` (all
//! at once), `report` and `code` (what others ask).

pub(super) mod code;
mod reading;
pub(super) mod report;
pub(super) mod state;
mod sweep;

//! All processes.
//!
//! Modules in reading order: `state` (the table), `announced` (programs to come), `reading` (from an address to its place), `take_back`
//! (what was read too late), `events` (what changes the table), `sweep` (all at once), `report` and `code` (what others ask).

mod announced;
pub(super) mod code;
pub(super) mod cut;
mod events;
mod reading;
pub(super) mod report;
pub(super) mod state;
mod sweep;
mod take_back;

//! All processes.
//!
//! Modules in reading order: `state` (the table), `announced` (announced programs), `reading` (from an address to its
//! place), `take_back` (readings that came too late), `events` (applying events), `sweep` (reading all processes),
//! `report` and `code` (views for other crates).

mod announced;
pub(super) mod code;
pub(super) mod cut;
mod events;
mod reading;
pub(super) mod report;
pub(super) mod state;
pub(super) mod sweep;
mod take_back;

//! Sends a profile to backends: from the command line to an account of the delivery.
//!
//! This is the joint between the command line and `send`, which knows nothing of files and options. It checks every
//! option before the recording starts. It saves undelivered profiles as files, and prints the command that sends them.
//!
//! In reading order: `options` (from the command line to settings), `files` and `header` (secrets), `probe` (whether labels can be
//! sent), `delivery` (a profile to all receivers), `outcome` (the result at one receiver), `amount` and `report` (the
//! messages), `figures` (for `--stats`), `keep` and `merge` (saving undelivered profiles), `again` (the command to send them),
//! `recorded` (all steps for a recording), `upload` and `service` (pprof files, and the service names in them).

mod again;
mod amount;
mod delivery;
mod figures;
mod files;
mod header;
pub(crate) mod keep;
mod merge;
mod options;
mod outcome;
mod probe;
pub(crate) mod recorded;
mod report;
mod service;
mod shell;
mod typed;
pub(crate) mod upload;

pub(crate) use delivery::{Delivery, deliver};
pub use options::Push;
pub(crate) use outcome::{Outcome, Rest};

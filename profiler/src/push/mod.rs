//! Sending a profile to backends: from what was typed to an account of what was delivered.
//!
//! *What it is.* The joint between the command line and `send`, which knows nothing of files and options.
//! *What it does.* All that can be wrong with an option is told before anything is recorded; what was not
//! delivered is kept in a file, with the command that sends it again.
//!
//! In reading order: `options` (typed to needed), `files` and `header` (secrets), `probe` (whether labels can be
//! sent), `service`, `delivery` (a profile to every receiver), `outcome` (what became of it), `amount` and `report` (in
//! words), `figures` (for `--stats`), `keep` and `merge` (what was not delivered, as a file), `again` (the command for
//! it), `recorded` (all of it for a recording), `upload` (pprof files).

mod again;
mod amount;
mod delivery;
pub(crate) mod figures;
mod files;
mod header;
pub(crate) mod keep;
mod merge;
mod options;
mod outcome;
mod probe;
pub(crate) mod recorded;
mod report;
pub(crate) mod service;
pub(crate) mod upload;

pub(crate) use delivery::{Delivery, deliver};
pub(crate) use files::SECRETS;
pub use options::Push;
pub(crate) use outcome::{Outcome, Rest};

//! The results of a recording: `announcement` (before it), `stats` (its facts as JSON), `outcome` (the messages at the end),
//! `destinations` (the files), `browser`.

pub(crate) mod announcement;
pub(crate) mod browser;
pub(crate) mod destinations;
pub(crate) mod outcome;
pub(crate) mod stats;

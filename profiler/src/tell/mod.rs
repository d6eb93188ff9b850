//! The results of a recording: `announcement` (before it), `stats` (its facts as JSON), `outcome` (the messages at the end),
//! `no_samples` (the message instead of files), `left_running` (processes that a command leaves behind), `destinations` (the
//! files), `browser`.

pub(crate) mod announcement;
pub(crate) mod browser;
pub(crate) mod destinations;
pub(crate) mod left_running;
pub(crate) mod no_samples;
pub(crate) mod outcome;
pub(crate) mod stats;

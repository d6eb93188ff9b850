//! What is told of a recording: `announcement` (before it), `facts`, `summary` (in words), `stats` (as JSON), `outcome` (all of it, at the end),
//! `destinations` (where it is written), `browser`.

pub(crate) mod announcement;
pub(crate) mod browser;
pub(crate) mod destinations;
pub(crate) mod facts;
pub(crate) mod outcome;
pub(crate) mod stats;
pub(crate) mod summary;

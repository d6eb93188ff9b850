//! The profile model, and the forms of it that encoders work on.
//!
//! Modules in reading order: [`profile`], [`facts`] (everything that is known of a recording) with [`quality`],
//! [`builder`], `check`, `symbols` (the kinds of names in a mapping), `subset` (parts of the tables), [`lean`],
//! [`timeline`] (times, for encoders that ask for them).

pub mod builder;
mod check;
pub mod facts;
pub mod lean;
pub mod profile;
pub mod quality;
pub(crate) mod subset;
pub(crate) mod symbols;
pub mod timeline;

//! The profile model, and forms of it that encoders are made for.
//!
//! Modules in reading order: [`profile`], [`builder`], `check`, `symbols` (what is
//! known of a mapping), `subset` (parts of the tables), [`lean`].

pub mod builder;
mod check;
pub mod lean;
pub mod profile;
pub(crate) mod subset;
pub(crate) mod symbols;

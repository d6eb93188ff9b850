//! The profile model, and forms of it that encoders are made for.
//!
//! Modules in reading order: [`profile`], [`builder`], `check`, `subset` (parts of the tables), [`lean`].

pub mod builder;
mod check;
pub mod lean;
pub mod profile;
pub(crate) mod subset;

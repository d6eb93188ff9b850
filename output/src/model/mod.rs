//! The profile model, and forms of it that encoders are made for.
//!
//! Modules in reading order: [`profile`], [`facts`] (what is known of a recording) with [`quality`], [`builder`],
//! `check`, `symbols` (what is known of a mapping), `subset` (parts of the tables), [`lean`], [`timeline`] (times, where they are asked for).

pub mod builder;
mod check;
pub mod facts;
pub mod lean;
pub mod profile;
pub mod quality;
pub(crate) mod subset;
pub(crate) mod symbols;
pub mod timeline;

//! Names for the addresses of one file.
//!
//! Modules in reading order: `work` (the sources in their order), then each source: [`gopclntab`] and `go`, `dwarf` and
//! `extract`, [`symtab`], `plt`, [`ranges`] and `frame`; then the other files that have names of a file: `debugfile`.

pub(crate) mod debugfile;
pub(crate) mod dwarf;
mod extract;
mod frame;
pub(crate) mod go;
pub mod gopclntab;
mod plt;
pub mod ranges;
pub mod symtab;
pub(crate) mod work;

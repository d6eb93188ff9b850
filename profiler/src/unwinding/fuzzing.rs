//! A door to the private parsers, for the fuzz targets and their seeds. Nothing else uses it.

pub use super::hotspot::fuzzing as hotspot;

use super::build::{self, Built, Depth};
use super::foresee::{self, Names};
use bpf::unwind::table::Table;
use elf::{Bytes, Image};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The number of files and directories that a program names.
pub fn foreseen(bytes: &[u8]) -> Option<usize> {
    let image = Image::parse(Bytes::Memory(bytes)).ok()?;
    Some(Names::of(&image, Path::new("/usr/bin/program")).len())
}

/// The programs that a script is run by.
pub fn interpreted(script: PathBuf) -> Vec<PathBuf> {
    foresee::interpreted(script)
}

/// The unwind table of a file whose code is in these ranges, with disassembly or without.
pub fn table(file: &File, code: &[Range<u64>], disassembly: bool) -> Option<Table> {
    let depth = if disassembly { Depth::Code } else { Depth::Tables };
    match build::table(file, code, depth) {
        Built::Table { table, .. } => Some(*table),
        Built::NoRules | Built::TooLarge => None,
    }
}

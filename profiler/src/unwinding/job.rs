//! The building of one file's table, beside the recording.

use super::build::{self, Built, Depth};
use super::stamp::Stamp;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use symbolizer::FileId;

/// The file that a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A file that is mapped, and the process that pays for its table.
    File(FileId, u32),
    /// A file that will be mapped.
    Stamp(Stamp),
}

/// An order to build a file's table.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) file: Arc<File>,
    pub(super) code: Vec<Range<u64>>,
    pub(super) depth: Depth,
}

impl Job {
    /// Builds the table.
    pub(super) fn run(self) -> (Key, Built) {
        (self.key, build::table(&self.file, &self.code, self.depth))
    }
}

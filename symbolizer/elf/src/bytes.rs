//! The source of a file's bytes.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The source of a file's bytes.
#[derive(Clone, Copy, Debug)]
pub enum Bytes<'a> {
    /// An open file.
    File(&'a File),
    /// Memory.
    Memory(&'a [u8]),
}

impl Bytes<'_> {
    /// All bytes there are from `offset`, at most `len`; fewer at the end. `None`: they cannot be read.
    pub fn read(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        match self {
            Self::File(file) => read_file(file, offset, len),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).ok().filter(|&start| start <= bytes.len())?;
                Some(bytes[start..bytes.len().min(start.saturating_add(len))].to_vec())
            }
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.metadata().map_or(0, |meta| meta.len()),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn read_file(file: &File, offset: u64, len: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut bytes[filled..], offset.checked_add(filled as u64)?) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(filled);
    Some(bytes)
}

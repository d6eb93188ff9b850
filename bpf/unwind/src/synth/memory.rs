//! A file's bytes by virtual address.

use std::fmt;

/// A file's bytes as they are loaded, read piece by piece: no large file is ever held as a whole.
pub trait Memory: fmt::Debug {
    /// The bytes from a virtual address on, at most `len`; fewer where the file has no more of them there, none where it has
    /// none.
    fn read(&self, address: u64, len: usize) -> Vec<u8>;
}

/// Bytes of a file that are loaded at a virtual address.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The virtual address of the first byte.
    pub address: u64,
    /// The bytes from the file.
    pub bytes: &'a [u8],
}

impl Memory for Vec<Segment<'_>> {
    fn read(&self, address: u64, len: usize) -> Vec<u8> {
        let from = |segment: &Segment<'_>| {
            let start = usize::try_from(address.checked_sub(segment.address)?).ok()?;
            let bytes = segment.bytes.get(start..).filter(|bytes| !bytes.is_empty())?;
            Some(bytes[..bytes.len().min(len)].to_vec())
        };
        self.iter().find_map(from).unwrap_or_default()
    }
}

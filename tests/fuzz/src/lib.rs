//! What several fuzz targets need.

use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;

/// A file of these bytes, in memory.
///
/// # Panics
/// If there is no memory.
pub fn file(bytes: &[u8]) -> File {
    let mut file =
        File::from(memfd_create("foreign", MemfdFlags::CLOEXEC).expect("there is memory"));
    file.write_all(bytes).expect("there is memory");
    file
}

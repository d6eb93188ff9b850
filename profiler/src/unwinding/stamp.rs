//! The identity of an opened file.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

/// The identity of an opened file: device, inode, size, and the times of its last changes.
pub(super) type Stamp = (u64, u64, u64, i64, i64, i64, i64);

/// The identity of this file, if the kernel gives it.
pub(super) fn stamp(file: &File) -> Option<Stamp> {
    let m = file.metadata().ok()?;
    Some((m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()))
}

//! Open files, for code that needs a path.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// The path by which this process can open an open file again.
pub(crate) fn fd_path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

//! Opening files that others named. To open a device can act (a watchdog starts, a tape rewinds), and to open a pipe can wait. So
//! a path is looked at before it is opened, and what was looked at is what is opened.

use rustix::fs::{FileType, Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Opens a regular file for reading.
///
/// # Errors
/// The path leads to anything else, or to nothing.
pub fn regular(path: &Path) -> io::Result<File> {
    let found = find(path)?;
    match kind(&found)? {
        FileType::RegularFile => Ok(reopened(&found, OFlags::NONBLOCK | OFlags::NOCTTY)?),
        other => Err(refused(other)),
    }
}

/// Opens a regular file or a pipe for reading. It waits for the writer of a pipe.
///
/// # Errors
/// The path leads to anything else, or to nothing.
pub fn readable(path: &Path) -> io::Result<File> {
    let found = find(path)?;
    match kind(&found)? {
        FileType::RegularFile | FileType::Fifo => Ok(reopened(&found, OFlags::NOCTTY)?),
        other => Err(refused(other)),
    }
}

fn find(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

fn kind(found: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(found)?.st_mode))
}

/// Opens what a path descriptor stands for, for reading.
pub(crate) fn reopened(found: &OwnedFd, flags: OFlags) -> rustix::io::Result<File> {
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map(File::from)
}

fn refused(kind: FileType) -> io::Error {
    let what = match kind {
        FileType::Directory => return io::ErrorKind::IsADirectory.into(),
        FileType::Socket => "it is a socket",
        FileType::Fifo => "it is a pipe",
        _ => "it is a device",
    };
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read};
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_opened_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        symlink(path("file"), path("link")).unwrap();
        symlink("/dev/ptmx", path("device")).unwrap();
        for name in ["file", "link"] {
            let mut text = String::new();
            regular(&path(name)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "text");
            readable(&path(name)).unwrap();
        }
        assert_eq!(regular(&path("none")).unwrap_err().kind(), ErrorKind::NotFound);
        let kind = |found: io::Result<File>| found.unwrap_err().to_string();
        assert_eq!(kind(regular(&path("device"))), "it is a device");
        assert_eq!(kind(readable(&path("device"))), "it is a device");
        assert_eq!(readable(directory.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), FileType::Fifo, mode, 0).unwrap();
        assert_eq!(kind(regular(&path("pipe"))), "it is a pipe");
        let writer = std::thread::spawn({
            let pipe = path("pipe");
            move || std::fs::write(pipe, "piped").unwrap()
        });
        let mut text = String::new();
        readable(&path("pipe")).unwrap().read_to_string(&mut text).unwrap();
        writer.join().unwrap();
        assert_eq!(text, "piped");
    }
}

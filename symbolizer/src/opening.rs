//! Opening files that others named. To open a device can act (a watchdog starts, a tape rewinds), and to open a pipe can wait. So
//! a path is looked at before it is opened, and what was looked at is what is opened.

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Opens a regular file for reading. With a `root`, the path is one below it, and links lead nowhere else.
///
/// # Errors
/// The path leads to anything else, or to nothing.
pub fn regular(root: Option<&File>, path: &Path) -> io::Result<File> {
    let found = find(root, path)?;
    match kind(&found)? {
        FileType::RegularFile => reopened(&found, OFlags::NONBLOCK | OFlags::NOCTTY),
        other => Err(refused(other)),
    }
}

/// Opens a regular file or a pipe for reading. It waits for the writer of a pipe.
///
/// # Errors
/// The path leads to anything else, or to nothing.
pub fn readable(path: &Path) -> io::Result<File> {
    let found = find(None, path)?;
    match kind(&found)? {
        FileType::RegularFile | FileType::Fifo => reopened(&found, OFlags::NOCTTY),
        other => Err(refused(other)),
    }
}

fn find(root: Option<&File>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    Ok(match root {
        Some(root) => rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)?,
        None => rustix::fs::open(path, flags, Mode::empty())?,
    })
}

fn kind(found: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(found)?.st_mode))
}

/// Opens what a path descriptor stands for, for reading.
fn reopened(found: &OwnedFd, flags: OFlags) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
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
            regular(None, &path(name)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "text");
            readable(&path(name)).unwrap();
        }
        assert_eq!(regular(None, &path("none")).unwrap_err().kind(), ErrorKind::NotFound);
        let kind = |found: io::Result<File>| found.unwrap_err().to_string();
        assert_eq!(kind(regular(None, &path("device"))), "it is a device");
        assert_eq!(kind(readable(&path("device"))), "it is a device");
        assert_eq!(readable(directory.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), FileType::Fifo, mode, 0).unwrap();
        assert_eq!(kind(regular(None, &path("pipe"))), "it is a pipe");
        let writer = std::thread::spawn({
            let pipe = path("pipe");
            move || std::fs::write(pipe, "piped").unwrap()
        });
        let mut text = String::new();
        readable(&path("pipe")).unwrap().read_to_string(&mut text).unwrap();
        writer.join().unwrap();
        assert_eq!(text, "piped");
    }

    #[test]
    fn links_do_not_lead_out_of_a_root() {
        let directory = tempfile::tempdir().unwrap();
        let root = File::open(directory.path()).unwrap();
        std::fs::write(directory.path().join("passwd"), "inside").unwrap();
        symlink("/passwd", directory.path().join("link")).unwrap();
        symlink("/proc/self/exe", directory.path().join("magic")).unwrap();
        let mut text = String::new();
        regular(Some(&root), Path::new("/link")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        regular(Some(&root), Path::new("/magic")).unwrap_err();
    }
}

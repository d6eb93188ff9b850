//! The looking itself: by this process into its own file systems, by the other one into foreign ones.

use crate::opening::reopened;
use crate::reason::Reason;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The largest file that is opened, in bytes. Linkers write no larger ones.
const MOST_BYTES: i64 = 16 << 30;
const FIND: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// A device, as in `st_dev`: major and minor number.
pub(crate) type Device = (u32, u32);

/// Whether links are followed. They never lead out of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// A path with a link is not the one that the kernel told.
    Refused,
    /// All but the last part of the path may be links.
    OnTheWay,
    /// The whole path.
    Followed,
}

/// What a look tells.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// The device.
    pub(crate) device: Device,
    /// The inode number.
    pub(crate) inode: u64,
    /// The kind of the file system, as `statfs` has it.
    pub(crate) magic: u64,
    /// The owner's user id.
    pub(crate) user: u32,
    /// The size in bytes.
    pub(crate) size: i64,
    /// The time of the last change of its content: seconds, nanoseconds.
    pub(crate) modified: (i64, u64),
    /// The time of the last change of its inode.
    pub(crate) changed: (i64, u64),
    /// The open file; `None` if it is not regular, or too large.
    pub(crate) file: Option<File>,
}

/// Finds a path.
pub(super) fn find(root: Option<&File>, path: &Path, links: Links) -> Result<OwnedFd, Reason> {
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let (flags, resolve) = match links {
        Links::Refused => (FIND | OFlags::NOFOLLOW, inside | ResolveFlags::NO_SYMLINKS),
        Links::OnTheWay => (FIND | OFlags::NOFOLLOW, inside),
        Links::Followed => (FIND, inside),
    };
    match root {
        Some(root) => openat2(root, path, flags, Mode::empty(), resolve),
        None => rustix::fs::open(path, flags, Mode::empty()),
    }
    .map_err(reason)
}

/// Finds a directory that the kernel has in memory, with no link on the way. The file system is not asked. `None` also before Linux 5.12.
pub(super) fn remembered(root: Option<&File>, directory: &Path) -> Option<OwnedFd> {
    let resolve = ResolveFlags::CACHED | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = FIND | OFlags::DIRECTORY;
    match root {
        Some(root) => {
            openat2(root, directory, flags, Mode::empty(), resolve | ResolveFlags::IN_ROOT)
        }
        None => openat2(rustix::fs::CWD, directory, flags, Mode::empty(), resolve),
    }
    .ok()
}

/// An entry of a local directory. `None`: it is a link.
pub(super) fn entry(directory: &OwnedFd, name: &OsStr) -> Option<Result<OwnedFd, Reason>> {
    let found = openat(directory, name, FIND | OFlags::NOFOLLOW, Mode::empty()).map_err(reason);
    let link = |found: &OwnedFd| rustix::fs::readlinkat(found, "", Vec::new()).is_ok();
    match found {
        Ok(found) if link(&found) => None,
        found => Some(found),
    }
}

/// The facts about what was found, and the file itself.
pub(super) fn look(found: &OwnedFd) -> Result<Looked, Reason> {
    let stat = rustix::fs::fstat(found).map_err(reason)?;
    let magic = rustix::fs::fstatfs(found).map_err(reason)?.f_type as u64;
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let file = (regular && stat.st_size <= MOST_BYTES)
        .then(|| reopened(found, OFlags::NONBLOCK | OFlags::NOCTTY))
        .transpose()
        .map_err(reason)?;
    Ok(Looked {
        device: (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev)),
        inode: stat.st_ino,
        magic,
        user: stat.st_uid,
        size: stat.st_size,
        modified: (stat.st_mtime, stat.st_mtime_nsec),
        changed: (stat.st_ctime, stat.st_ctime_nsec),
        file,
    })
}

/// The reason for an error of a file system.
pub(crate) fn reason(error: Errno) -> Reason {
    match error {
        Errno::ACCESS | Errno::PERM => Reason::NotPermitted,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Reason::Limit,
        Errno::LOOP => Reason::FileChanged,
        _ => Reason::FileGone,
    }
}

//! Opens files that a foreign process names. It opens only regular files, and only the one that was mapped; it follows
//! no link that the process made; it opens nothing that blocks or acts when it is opened.

use super::maps::{Told, basename, undeleted};
use super::task::Task;
use crate::place::Reason;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// The largest file that is opened, in bytes. Linkers write no larger ones.
const MOST_BYTES: i64 = 16 << 30;
const OVERLAYFS: u64 = 0x794c_7630;
const BTRFS: u64 = 0x9123_683e;
const BCACHEFS: u64 = 0xca45_1a4e;

/// A file that was opened and checked.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The file.
    pub(crate) file: File,
    /// The identity and state of the file.
    pub(crate) stamp: Stamp,
    /// Whether the kernel's records show the same device and inode for a file in another subvolume.
    pub(crate) loose: bool,
}

/// The identity and the state of a file. As long as it is open, no other file has its device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The size in bytes.
    pub(crate) size: i64,
    /// The time of the last change of its content: seconds, nanoseconds.
    pub(crate) modified: (i64, u64),
    /// The time of the last change of its inode.
    pub(crate) changed: (i64, u64),
}

impl From<&Stat> for Stamp {
    fn from(stat: &Stat) -> Self {
        Self {
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// Opens a mapped file of a living process through its mapping.
pub(crate) fn by_mapping(task: &Task, told: &Told<'_>) -> Result<Opened, Reason> {
    let link = format!("map_files/{:x}-{:x}", told.start, told.end);
    by_link(task, &link, told, true)
}

/// Opens the program of a living process.
pub(crate) fn by_program(task: &Task, told: &Told<'_>) -> Result<Opened, Reason> {
    by_link(task, "exe", told, false)
}

/// Opens the kernel's own link to an open file, which leads nowhere else.
fn by_link(task: &Task, link: &str, told: &Told<'_>, is_mapping: bool) -> Result<Opened, Reason> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found =
        rustix::fs::openat(task.directory(), link, flags, Mode::empty()).map_err(file_reason)?;
    let same_name = is_mapping
        && rustix::fs::readlinkat(task.directory(), link, Vec::new()).is_ok_and(|target| {
            undeleted(basename(target.as_bytes())).0 == undeleted(basename(told.path)).0
        });
    checked(found, told, same_name)
}

/// Opens a mapped file by its path below a root. The path comes from the kernel, so a link in it was put there later.
pub(crate) fn by_path(root: impl AsFd, told: &Told<'_>) -> Result<Opened, Reason> {
    checked(below(root, told)?, told, false)
}

/// Opens a mapped file below a root that may be the wrong one. Device and inode must be those of the record.
pub(crate) fn by_path_exactly(root: impl AsFd, told: &Told<'_>) -> Result<Opened, Reason> {
    let found = below(root, told)?;
    let stat = rustix::fs::fstat(&found).map_err(file_reason)?;
    if stat.st_ino != told.inode || device(&stat) != told.device {
        return Err(Reason::FileChanged);
    }
    checked(found, told, false)
}

fn below(root: impl AsFd, told: &Told<'_>) -> Result<OwnedFd, Reason> {
    let path = std::ffi::OsStr::from_bytes(undeleted(told.path).0);
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::openat2(root, path, flags, Mode::empty(), resolve).map_err(file_reason)
}

/// The root directory of a living process.
pub(crate) fn root(task: &Task) -> Result<File, Reason> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(task.directory(), "root", flags, Mode::empty())
        .map(File::from)
        .map_err(file_reason)
}

/// Opens a regular file by its name in a directory below a root, and returns its stamp. The path of the directory may contain links,
/// which stay within the root. The file itself must not be a link.
pub(crate) fn regular(
    root: impl AsFd,
    directory: &str,
    name: &str,
) -> Result<(File, Stat), Reason> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let directory =
        rustix::fs::openat2(root, directory, flags | OFlags::DIRECTORY, Mode::empty(), resolve)
            .map_err(file_reason)?;
    let found = rustix::fs::openat(&directory, name, flags | OFlags::NOFOLLOW, Mode::empty())
        .map_err(file_reason)?;
    let stat = rustix::fs::fstat(&found).map_err(file_reason)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Reason::FileRefused);
    }
    Ok((reopened(&found)?, stat))
}

/// The state of an open file.
pub(crate) fn stamp(file: &File) -> Option<Stamp> {
    rustix::fs::fstat(file).ok().as_ref().map(Stamp::from)
}

/// Opens the file of a path descriptor, if it is the file that was mapped.
fn checked(found: OwnedFd, told: &Told<'_>, same_name: bool) -> Result<Opened, Reason> {
    let stat = rustix::fs::fstat(&found).map_err(file_reason)?;
    let magic = rustix::fs::fstatfs(&found).map_err(file_reason)?.f_type as u64;
    if !same_file(&stat, told, magic, same_name) {
        return Err(Reason::FileChanged);
    }
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_size > MOST_BYTES {
        return Err(Reason::FileRefused);
    }
    let loose = matches!(magic, BTRFS | BCACHEFS) && device(&stat) != told.device;
    Ok(Opened { file: reopened(&found)?, stamp: Stamp::from(&stat), loose })
}

/// Whether the opened file is the mapped one. File systems may state a device that differs from the kernel's own
/// records. btrfs does; overlayfs does before Linux 6.18. For a file from another layer's file system, overlayfs also
/// states an inode with the layer in its high bits.
fn same_file(stat: &Stat, told: &Told<'_>, magic: u64, same_name: bool) -> bool {
    let same_inode = stat.st_ino == told.inode;
    match magic {
        OVERLAYFS => same_inode || same_name || stat.st_ino & 0xff_ffff_ffff == told.inode,
        BTRFS | BCACHEFS => same_inode,
        _ => same_inode && device(stat) == told.device,
    }
}

fn device(stat: &Stat) -> (u32, u32) {
    (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev))
}

/// Opens a path descriptor of a regular file for reading.
fn reopened(found: &OwnedFd) -> Result<File, Reason> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    rustix::fs::open(format!("/proc/self/fd/{}", found.as_raw_fd()), flags, Mode::empty())
        .map(File::from)
        .map_err(file_reason)
}

fn file_reason(error: Errno) -> Reason {
    match error {
        Errno::ACCESS | Errno::PERM => Reason::NotPermitted,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Reason::Limit,
        Errno::LOOP => Reason::FileChanged,
        _ => Reason::FileGone,
    }
}

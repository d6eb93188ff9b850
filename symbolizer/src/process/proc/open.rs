//! Opens files that a foreign process names. It opens only regular files, and only the one that was mapped; it follows
//! no link that the process made; it opens nothing that blocks or acts when it is opened.

use super::maps::{Told, basename, undeleted};
use super::task::Task;
use crate::foreign::{Foreign, Links, Looked, reason};
use crate::place::Reason;
use rustix::fs::{Mode, OFlags, Stat};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
pub(crate) fn by_mapping(
    task: &Task,
    told: &Told<'_>,
    foreign: &mut Foreign,
) -> Result<Opened, Reason> {
    let link = format!("map_files/{:x}-{:x}", told.start, told.end);
    let found = task.patiently(&foreign.patience, move |at| linked(at, &link))?;
    by_link(found, (told, true), foreign)
}

/// Opens the program of a living process.
pub(crate) fn by_program(
    task: &Task,
    told: &Told<'_>,
    foreign: &mut Foreign,
) -> Result<Opened, Reason> {
    by_link(linked(task.directory(), "exe")?, (told, false), foreign)
}

/// What one of the kernel's own links to open files leads to, and the link's text. No file system is asked to find it.
fn linked(directory: &OwnedFd, link: &str) -> Result<(OwnedFd, Option<CString>), Reason> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::openat(directory, link, flags, Mode::empty()).map_err(reason)?;
    Ok((found, rustix::fs::readlinkat(directory, link, Vec::new()).ok()))
}

/// Opens what such a link leads to.
fn by_link(
    (found, target): (OwnedFd, Option<CString>),
    (told, is_mapping): (&Told<'_>, bool),
    foreign: &mut Foreign,
) -> Result<Opened, Reason> {
    let same_name = is_mapping
        && target.is_some_and(|target| {
            undeleted(basename(target.as_bytes())).0 == undeleted(basename(told.path)).0
        });
    checked(foreign.look(&found)?, told, same_name)
}

/// Opens a mapped file by its path below a root. The path comes from the kernel, so a link in it was put there later.
pub(crate) fn by_path(
    root: &File,
    told: &Told<'_>,
    foreign: &mut Foreign,
) -> Result<Opened, Reason> {
    checked(below(root, told, foreign)?, told, false)
}

/// Opens a mapped file below a root that may be the wrong one. Device and inode must be those of the record.
pub(crate) fn by_path_exactly(
    root: &File,
    told: &Told<'_>,
    foreign: &mut Foreign,
) -> Result<Opened, Reason> {
    let looked = below(root, told, foreign)?;
    if looked.inode != told.inode || looked.device != told.device {
        return Err(Reason::FileChanged);
    }
    checked(looked, told, false)
}

fn below(root: &File, told: &Told<'_>, foreign: &mut Foreign) -> Result<Looked, Reason> {
    let path = Path::new(OsStr::from_bytes(undeleted(told.path).0));
    let found = foreign.find(Some(root), path, Links::Refused)?;
    foreign.look(&found)
}

/// The root directory of a living process.
pub(crate) fn root(task: &Task) -> Result<File, Reason> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(task.directory(), "root", flags, Mode::empty())
        .map(File::from)
        .map_err(reason)
}

/// Opens a regular file by its path below a root. Its directory may contain links, which stay within the root. The file itself must not be
/// a link.
pub(crate) fn regular(
    root: &File,
    path: &Path,
    foreign: &mut Foreign,
) -> Result<(File, Looked), Reason> {
    let found = foreign.find(Some(root), path, Links::OnTheWay)?;
    let mut looked = foreign.look(&found)?;
    let file = looked.file.take().ok_or(Reason::FileRefused)?;
    Ok((file, looked))
}

/// The state of an open file.
pub(crate) fn stamp(file: &File) -> Option<Stamp> {
    rustix::fs::fstat(file).ok().as_ref().map(Stamp::from)
}

/// The opened file, if it is the one that was mapped.
fn checked(mut looked: Looked, told: &Told<'_>, same_name: bool) -> Result<Opened, Reason> {
    if !same_file(&looked, told, same_name) {
        return Err(Reason::FileChanged);
    }
    let file = looked.file.take().ok_or(Reason::FileRefused)?;
    let loose = matches!(looked.magic, BTRFS | BCACHEFS) && looked.device != told.device;
    let stamp = stamp(&file).ok_or(Reason::FileGone)?;
    Ok(Opened { file, stamp, loose })
}

/// Whether the opened file is the mapped one. File systems may state a device that differs from the kernel's own
/// records. btrfs does; overlayfs does before Linux 6.18. For a file from another layer's file system, overlayfs also
/// states an inode with the layer in its high bits.
fn same_file(looked: &Looked, told: &Told<'_>, same_name: bool) -> bool {
    let same_inode = looked.inode == told.inode;
    match looked.magic {
        OVERLAYFS => same_inode || same_name || looked.inode & 0xff_ffff_ffff == told.inode,
        BTRFS | BCACHEFS => same_inode,
        _ => same_inode && looked.device == told.device,
    }
}

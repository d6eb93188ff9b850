//! A file under a temporary name, in the directory of its final name.

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawMode, RenameFlags};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// The number of names that are tried.
const TRIES: u32 = 10_000;

/// The final name of a file.
#[derive(Debug)]
pub(super) enum Name {
    /// This name. An earlier file is replaced.
    Replace(OsString),
    /// The first free name of `stem.extension`, `stem-2.extension`, ….
    Fresh { stem: String, extension: String },
}

impl Name {
    /// The file that will be replaced, if there is one.
    fn replaced_in(&self, directory: &OwnedFd) -> Option<Replaced> {
        let Self::Replace(name) = self else { return None };
        let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let around = Mode::from_raw_mode(fs::fstat(directory).ok()?.st_mode);
        let shared = around.contains(Mode::SVTX | Mode::WOTH);
        let mode = Mode::from_raw_mode(stat.st_mode & 0o777);
        let planted = shared && stat.st_uid != geteuid().as_raw();
        regular.then_some(Replaced { user: stat.st_uid, group: stat.st_gid, mode, planted })
    }

    fn numbered(stem: &str, extension: &str, number: u32) -> OsString {
        match number {
            1 => format!("{stem}.{extension}").into(),
            number => format!("{stem}-{number}.{extension}").into(),
        }
    }
}

/// A file that will be replaced. The new one gets its owner and its mode.
#[derive(Clone, Copy, Debug)]
struct Replaced {
    user: u32,
    group: u32,
    mode: Mode,
    /// It is in a directory such as `/tmp` and belongs to another user, who may have put it there to read what is written.
    planted: bool,
}

/// The file. It is removed if it is dropped before [`Temporary::commit`]. The directory is kept open, so that the file gets its name there
/// even if the path of the directory changes.
#[derive(Debug)]
pub(super) struct Temporary {
    directory: OwnedFd,
    /// The temporary name, until the file is renamed or removed.
    temporary: Option<OsString>,
    name: Name,
    replaced: Option<Replaced>,
    file: File,
}

impl Temporary {
    /// Creates the file. It has the owner and the mode of the file that it will replace; else this mode, without the umask's bits.
    pub(super) fn new(directory: &Path, name: Name, mode: RawMode) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let directory = fs::open(path, flags, Mode::empty())?;
        let replaced = name.replaced_in(&directory);
        let mode = Mode::from_raw_mode(mode);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for number in 0..TRIES {
            let temporary = OsString::from(format!(".bpflame-{}-{number}.tmp", std::process::id()));
            match fs::openat(&directory, &temporary, flags, mode) {
                Ok(file) => {
                    let file = file.into();
                    let temporary = Some(temporary);
                    let made = Self { directory, temporary, name, replaced, file };
                    if let Some(old) = replaced.filter(|old| !old.planted) {
                        made.be_like(old);
                    }
                    return Ok(made);
                }
                Err(Errno::EXIST) => (),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Takes over owner and mode. Without permission, or on a file system without owners or modes, they stay.
    fn be_like(&self, old: Replaced) {
        let (user, group) = (fs::Uid::from_raw(old.user), fs::Gid::from_raw(old.group));
        fs::fchown(&self.file, Some(user), Some(group)).ok();
        // The umask does not apply.
        fs::fchmod(&self.file, old.mode).ok();
    }

    /// Changes the owner, unless the file replaces one: then that file's owner stays. Without permission, or on a file system without
    /// owners, nothing changes.
    pub(super) fn give_to(&self, user: u32, group: u32) -> io::Result<()> {
        match self.replaced {
            Some(old) if old.user == user => {
                self.be_like(old);
                return Ok(());
            }
            Some(old) if !old.planted => return Ok(()),
            _ => {}
        }
        let (user, group) = (fs::Uid::from_raw(user), fs::Gid::from_raw(group));
        match fs::fchown(&self.file, Some(user), Some(group)) {
            Ok(()) | Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The name that the file would get now.
    pub(super) fn first_free(&self) -> io::Result<OsString> {
        let (stem, extension) = match &self.name {
            Name::Replace(name) => return Ok(name.clone()),
            Name::Fresh { stem, extension } => (stem, extension),
        };
        for number in 1..TRIES {
            let name = Name::numbered(stem, extension, number);
            match fs::statat(&self.directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => return Ok(name),
                Ok(_) => (),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// A function that removes the file from another thread, while this one may be blocked in writing it.
    pub(super) fn remover(&self) -> io::Result<impl FnOnce() + Send + 'static> {
        let (directory, temporary) = (self.directory.try_clone()?, self.temporary.clone());
        Ok(move || remove(&directory, temporary.as_deref()))
    }

    /// Gives the file its final name. Returns the name if it was chosen now. Nothing is synced, because that would wait for the disk's
    /// journal. If the machine crashes, the user records again.
    pub(super) fn commit(mut self) -> io::Result<Option<OsString>> {
        let Some(temporary) = self.temporary.clone() else { return Ok(None) };
        let name = match &self.name {
            Name::Replace(name) => {
                fs::renameat(&self.directory, &temporary, &self.directory, name)?;
                None
            }
            Name::Fresh { stem, extension } => {
                Some(self.rename_fresh(&temporary, stem, extension)?)
            }
        };
        self.temporary = None;
        Ok(name)
    }

    fn rename_fresh(&self, temporary: &OsStr, stem: &str, extension: &str) -> io::Result<OsString> {
        for number in 1..TRIES {
            let name = Name::numbered(stem, extension, number);
            match self.rename_without_replacing(temporary, &name) {
                Ok(()) => return Ok(name),
                Err(Errno::EXIST) => (),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    fn rename_without_replacing(&self, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        let directory = &self.directory;
        match fs::renameat_with(directory, from, directory, to, RenameFlags::NOREPLACE) {
            // Some file systems lack this. There, an empty file reserves the name.
            Err(Errno::INVAL | Errno::NOSYS) => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                drop(fs::openat(directory, to, flags, Mode::from_raw_mode(0o600))?);
                fs::renameat(directory, from, directory, to)
            }
            other => other,
        }
    }
}

impl Write for Temporary {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        remove(&self.directory, self.temporary.as_deref());
    }
}

fn remove(directory: &OwnedFd, temporary: Option<&OsStr>) {
    if let Some(temporary) = temporary {
        // If this fails, the file stays: there is no way left to report it.
        fs::unlinkat(directory, temporary, AtFlags::empty()).ok();
    }
}

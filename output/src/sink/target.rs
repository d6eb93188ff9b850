//! The kind of a path that the user named: a file to replace, or something to write into.

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The target of a path.
#[derive(Debug)]
pub(super) enum Target {
    Stdout,
    /// A FIFO, a device, or a descriptor of a process.
    Direct(File),
    /// A file that may or may not exist. All links are followed.
    File {
        directory: PathBuf,
        name: OsString,
    },
}

/// The number of links that are followed, as in the kernel.
const LINKS: usize = 40;

impl Target {
    /// Follows the path from link to link.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        if ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
            .iter()
            .any(|name| path == Path::new(name))
        {
            return Ok(Self::Stdout);
        }
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let (directory, name) = split(&path)?;
            if directory.canonicalize()?.starts_with("/proc") {
                return Ok(Self::Direct(open(&path)?));
            }
            let here = directory.join(&name);
            let metadata = match here.symlink_metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Self::File { directory, name });
                }
                Err(error) => return Err(error),
            };
            if metadata.is_symlink() {
                may_use(&metadata, &directory.metadata()?, "symbolic link")?;
                path = directory.join(here.read_link()?);
            } else if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            } else if metadata.is_file() {
                return Ok(Self::File { directory, name });
            } else {
                if metadata.file_type().is_fifo() {
                    may_use(&metadata, &directory.metadata()?, "FIFO")?;
                }
                return Ok(Self::Direct(open_checked(&here, &metadata)?));
            }
        }
        Err(Errno::LOOP.into())
    }
}

/// The directory of a path, and the name in it.
fn split(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let Some(name) =
        path.file_name().filter(|_| !path.as_os_str().as_encoded_bytes().ends_with(b"/"))
    else {
        return Err(io::ErrorKind::IsADirectory.into());
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")).to_owned(), name.to_owned()))
}

/// Checks a link or FIFO in a directory that everyone can write to. It must belong to this user or to the owner of the directory, as with
/// the kernel's `fs.protected_symlinks` and `fs.protected_fifos`.
fn may_use(entry: &Metadata, directory: &Metadata, what: &str) -> io::Result<()> {
    let shared = directory.mode() & 0o1002 == 0o1002;
    let own = entry.uid() == rustix::process::geteuid().as_raw();
    if shared && !own && entry.uid() != directory.uid() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("it is another user's {what} in a directory that everyone can write to"),
        ));
    }
    Ok(())
}

fn open_checked(path: &Path, metadata: &Metadata) -> io::Result<File> {
    if metadata.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a socket"));
    }
    open(path)
}

/// Opens without waiting. A FIFO without a reader is an error.
fn open(path: &Path) -> io::Result<File> {
    let flags =
        OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file: File = match fs::open(path, flags, Mode::empty()) {
        Ok(file) => file.into(),
        Err(Errno::NXIO) => {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "no process has the FIFO open for reading",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let flags = fs::fcntl_getfl(&file)?;
    fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

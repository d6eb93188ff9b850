//! The further files of a mapped file: which paths they may have, and their opening. Only ELF files are handed out: who asks may have
//! been taken over by the file that it reads.

use super::{Debuginfod, Files, Want};
use crate::MappedFile;
use crate::foreign::{Foreign, Links, identity};
use crate::opening::regular;
use rustix::fs::{Mode, OFlags};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// This machine's directory of debug files.
pub const DIRECTORY: &str = "/usr/lib/debug";
/// The number of places where the file of a debug link may be.
pub(crate) const LINK_PLACES: u32 = 3;

/// The further files of one file.
#[derive(Debug)]
pub(crate) struct DebugFiles<'a> {
    file: &'a MappedFile,
    servers: &'a mut Debuginfod,
    foreign: &'a mut Foreign,
    /// The root of its process, if it is not bpflame's own.
    root: Option<&'a File>,
    /// The failure of a server.
    pub(crate) failed: Option<&'static str>,
}

impl<'a> DebugFiles<'a> {
    pub(crate) fn of(
        file: &'a MappedFile,
        servers: &'a mut Debuginfod,
        foreign: &'a mut Foreign,
    ) -> Self {
        let root = file.root.as_deref().filter(|root| !is_own_root(root));
        Self { file, servers, foreign, root, failed: None }
    }

    /// Opens a file below this machine's root, or below that of a `foreign` process.
    fn below(&mut self, foreign: bool, path: &Path) -> Option<File> {
        if foreign && self.root.is_none() {
            return None;
        }
        let root = self.root.filter(|_| foreign);
        // Only root can change this machine's own debug files.
        if root.is_none() && path.starts_with(DIRECTORY) {
            return regular(path).ok().filter(is_elf);
        }
        let found = self.foreign.find(root, path, Links::Followed).ok()?;
        self.foreign.look(&found).ok()?.file.filter(is_elf)
    }
}

impl Files for DebugFiles<'_> {
    fn open(&mut self, want: &Want) -> Result<Option<File>, &'static str> {
        let id = self.file.build_id.as_deref();
        Ok(match want {
            Want::BuildId { foreign } => {
                id.and_then(build_id_path).and_then(|path| self.below(*foreign, &path))
            }
            Want::Link { foreign, place, name } => link_path(&self.file.path, name, *place)
                .and_then(|path| self.below(*foreign, &path)),
            Want::Server => {
                let Some(id) = id else { return Ok(None) };
                let fetched = self.servers.fetch(id);
                self.failed = fetched.as_ref().err().copied().or(self.failed);
                fetched?.filter(is_elf)
            }
        })
    }
}

/// Opens no further files.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn open(&mut self, _: &Want) -> Result<Option<File>, &'static str> {
        Ok(None)
    }
}

/// `/usr/lib/debug/.build-id/ab/cdef….debug`.
pub(crate) fn build_id_path(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(PathBuf::from(format!("{DIRECTORY}/.build-id/{first:02x}/{rest}.debug")))
}

/// A possible path of a debug link's file, from the path of the file that names it.
fn link_path(path: &[u8], name: &[u8], place: u32) -> Option<PathBuf> {
    if name.is_empty()
        || name.iter().any(|byte| matches!(byte, b'/' | 0))
        || name == b".."
        || name == b"."
    {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(path));
    let (directory, name) = (path.parent()?, OsStr::from_bytes(name));
    if !directory.is_absolute() {
        return None;
    }
    let below = directory.strip_prefix("/").unwrap_or(directory);
    let candidate = match place {
        0 => directory.join(name),
        1 => directory.join(".debug").join(name),
        2 => Path::new(DIRECTORY).join(below).join(name),
        _ => return None,
    };
    (candidate != path).then_some(candidate)
}

fn is_elf(file: &File) -> bool {
    let mut magic = [0; 4];
    file.read_exact_at(&mut magic, 0).is_ok() && magic == *b"\x7fELF"
}

fn is_own_root(root: &File) -> bool {
    let own = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    own.is_ok_and(|own| identity(root).is_some_and(|root| identity(own) == Some(root)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_link_leads_to_three_places_and_no_other_directory() {
        let at = |place| link_path(b"/usr/bin/app", b"app.debug", place);
        let expected =
            ["/usr/bin/app.debug", "/usr/bin/.debug/app.debug", "/usr/lib/debug/usr/bin/app.debug"];
        assert_eq!(
            [at(0), at(1), at(2), at(3)],
            [Some(expected[0].into()), Some(expected[1].into()), Some(expected[2].into()), None]
        );
        for name in ["", ".", "..", "../x", "/etc/shadow", "a/b", "a\0b"] {
            assert_eq!(link_path(b"/usr/bin/app", name.as_bytes(), 0), None, "{name}");
        }
        assert_eq!(link_path(b"/usr/bin/app", b"app", 0), None, "the file itself");
        assert_eq!(link_path(b"app", b"x", 0), None, "no absolute path");
    }

    #[test]
    fn only_elf_files_are_handed_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("a"), "").unwrap();
        std::fs::write(path("secret"), "root:x:0:0").unwrap();
        std::fs::copy("/proc/self/exe", path("program")).unwrap();
        let file = MappedFile {
            path: path("a").as_os_str().as_bytes().to_vec(),
            handle: None,
            reason: None,
            build_id: None,
            segments: Vec::new(),
            root: None,
        };
        let (mut servers, mut foreign) = (Debuginfod::default(), Foreign::default());
        let mut files = DebugFiles::of(&file, &mut servers, &mut foreign);
        let mut open = |name: &str| {
            let want = Want::Link { foreign: false, place: 0, name: name.as_bytes().to_vec() };
            files.open(&want).unwrap().is_some()
        };
        assert_eq!((open("secret"), open("program")), (false, true));
    }
}

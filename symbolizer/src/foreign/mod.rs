//! Looks into file systems. One that belongs to this machine answers. Any other (a user's FUSE mount, a network's) may never do so, and a
//! thread that waits for it may not even die. So a process of its own looks there. It can be left behind.
//!
//! In reading order: `Foreign` (who looks), `local` (which file systems are this machine's), `look` (the looking), `memory` (of processes),
//! `text` (other files), `message` (questions and replies), `onlooker` (the process, as bpflame sees it), `serve` (its life), `patience`
//! (address spaces).

mod local;
mod look;
mod memory;
mod message;
mod onlooker;
mod patience;
pub mod serve;
mod text;

use crate::reason::Reason;
use local::Local;
use look::Device;
pub(crate) use look::{Links, Looked, reason};
pub use memory::FarMemory;
pub(crate) use memory::Memories;
use message::Asked;
use onlooker::Onlooker;
pub use onlooker::Start;
pub use patience::{Patience, Who};
use rustix::fs::{AtFlags, StatxFlags};
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
pub use text::FarText;

/// Who looks into which file system.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    /// Starts the process that looks into foreign file systems. Without, this process does so itself.
    start: Option<Start>,
    onlooker: Onlooker,
    local: Local,
    /// Who looks at address spaces.
    pub(crate) patience: Patience,
    /// The devices that did not answer.
    silent: HashSet<Device>,
}

impl Foreign {
    /// Looks into foreign file systems with processes that `start` starts.
    pub(crate) fn by(start: Start) -> Self {
        Self { start: Some(start), ..Self::default() }
    }

    /// The processes that were started.
    #[cfg(test)]
    pub(crate) fn starts(&self) -> u32 {
        self.onlooker.started
    }

    /// Finds a path below a root, or below this process's own, and opens nothing yet. Links stay within a root.
    pub(crate) fn find(
        &mut self,
        root: Option<&File>,
        path: &Path,
        links: Links,
    ) -> Result<OwnedFd, Reason> {
        let Some(start) = self.start else { return look::find(root, path, links) };
        if let Some(found) = self.find_here(root, path) {
            return found;
        }
        let asked = Asked::find(path, links);
        let (_, found) = self.onlooker.ask(start, &asked, root.map(File::as_fd))?;
        found.ok_or(Reason::FileGone)
    }

    /// Finds a path without waiting: its directory is in the kernel's memory already, and local. `None`: this is unknown.
    fn find_here(&mut self, root: Option<&File>, path: &Path) -> Option<Result<OwnedFd, Reason>> {
        let directory = look::remembered(root, path.parent()?)?;
        let local = self.local.has(device(&directory)?);
        let found = local.then(|| look::entry(&directory, path.file_name()?))??;
        Some(found)
    }

    /// The facts about what was found. If it is a regular file, it is opened: itself, or a copy of it.
    pub(crate) fn look(&mut self, found: &OwnedFd) -> Result<Looked, Reason> {
        let Some(start) = self.start else { return look::look(found) };
        let device = device(found).ok_or(Reason::FileGone)?;
        if self.local.has(device) {
            return look::look(found);
        }
        if self.silent.contains(&device) {
            return Err(Reason::FileSystem);
        }
        let replied = self.onlooker.ask(start, &Asked::look(), Some(found.as_fd()));
        if matches!(replied, Err(Reason::FileSystem)) {
            self.silent.insert(device);
        }
        let (reply, file) = replied?;
        Ok(reply.looked(file.map(File::from)))
    }
}

fn device(found: &OwnedFd) -> Option<Device> {
    identity(found).map(|(device, _)| device)
}

/// The device and inode number of an open file, as the kernel knows them. The file system is not asked.
pub(crate) fn identity(file: impl AsFd) -> Option<(Device, u64)> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let stat = rustix::fs::statx(file, "", flags, StatxFlags::INO).ok()?;
    Some(((stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino))
}

#[cfg(test)]
mod tests;

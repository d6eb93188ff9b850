//! The roots of mount namespaces. One descriptor of each is kept, so that files are found by path after their process has ended.

use super::open;
use super::task::Task;
use crate::foreign::Foreign;
use rustix::fs::{AtFlags, Statx, StatxFlags};
use std::fs::File;
use std::sync::Arc;

/// The identity of a root: the namespace, and the directory (for `chroot`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RootId {
    namespace: u64,
    device: u64,
    inode: u64,
}

/// The root directory of a process.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// Its identity.
    pub(crate) id: RootId,
    /// The directory.
    pub(crate) directory: Arc<File>,
    /// Whether it is bpflame's own.
    pub(crate) own: bool,
}

/// The roots that are known, least recently used first.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    own: Option<Root>,
    known: Vec<Root>,
    /// Who looks below them.
    pub(crate) foreign: Foreign,
}

impl Roots {
    /// The most roots that are kept, including those that files or processes use.
    const MOST: usize = 256;
    const LATEST: usize = 8;

    /// No roots yet, and who looks below them.
    pub(crate) fn seen_by(foreign: Foreign) -> Self {
        Self { foreign, ..Self::default() }
    }

    /// bpflame's own root.
    pub(crate) fn own(&mut self) -> Option<Root> {
        if self.own.is_none() {
            let task = Task::open(std::process::id()).ok()?;
            let id = identify(&task)?;
            self.own = Some(Root { id, directory: Arc::new(open::root(&task).ok()?), own: true });
        }
        self.own.clone()
    }

    /// The roots that were used last, the latest first.
    pub(crate) fn latest(&self) -> Vec<Root> {
        self.known.iter().rev().take(Self::LATEST).cloned().collect()
    }

    /// The root of a living process; `None` if it may not be seen, or too many are in use.
    pub(crate) fn of(&mut self, task: &Task) -> Option<Root> {
        let id = identify(task)?;
        if let Some(own) = self.own().filter(|own| own.id == id) {
            return Some(own);
        }
        if let Some(at) = self.known.iter().position(|root| root.id == id) {
            let root = self.known.remove(at);
            self.known.push(root.clone());
            return Some(root);
        }
        if self.known.len() >= Self::MOST {
            let unused =
                self.known.iter().position(|root| Arc::strong_count(&root.directory) == 1)?;
            self.known.remove(unused);
        }
        let root = Root { id, directory: Arc::new(open::root(task).ok()?), own: false };
        self.known.push(root.clone());
        Some(root)
    }
}

/// The identity of a process's root. Its file system is not asked.
fn identify(task: &Task) -> Option<RootId> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    // The link leads to an open directory.
    let stat = |link| rustix::fs::statx(task.directory(), link, flags, StatxFlags::INO).ok();
    let (namespace, root): (Statx, Statx) = (stat("ns/mnt")?, stat("root")?);
    let device = rustix::fs::makedev(root.stx_dev_major, root.stx_dev_minor);
    Some(RootId { namespace: namespace.stx_ino, device, inode: root.stx_ino })
}

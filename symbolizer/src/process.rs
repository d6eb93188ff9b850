//! The process table: identity, mappings, opened files.

use crate::place::{FileId, Jit, MappedFile, Place};

/// What tells one address space from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Process id in bpflame's own PID namespace.
    pub pid: u32,
    /// When its group leader started: nanoseconds of CLOCK_BOOTTIME.
    pub start: u64,
    /// The kernel's exec counter.
    pub exec: u64,
}

/// Something that happened to a process. Events are applied in the order of their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub time: u64,
    /// Process id (for `Fork` the child's).
    pub pid: u32,
    /// Thread id (for `Fork` the child's).
    pub tid: u32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An executable mapping was made. Ends what it overlaps.
    Mmap {
        /// First address.
        start: u64,
        /// Length in bytes.
        len: u64,
        /// Offset in the file, in bytes.
        offset: u64,
        /// Device major and minor number, 0 for anonymous memory.
        device: (u32, u32),
        /// Inode number, 0 for anonymous memory.
        inode: u64,
        /// The path as the process saw it, or `[vdso]`, `//anon` and the like; any bytes.
        path: Vec<u8>,
    },
    /// The process changed its program: its mappings are gone.
    Exec {
        /// The new name, any bytes.
        comm: Vec<u8>,
    },
    /// A thread changed its name (the process's name if `tid == pid`).
    Rename {
        /// The new name, any bytes.
        comm: Vec<u8>,
    },
    /// A new task: a process that starts with its parent's mappings, or a thread if `parent == pid`.
    Fork {
        /// The parent's process id.
        parent: u32,
    },
    /// A thread ended (the process if `tid == pid` and no other thread is left).
    Exit,
    /// Records were lost: the maps of live processes must be read again before they are believed.
    Lost,
}

/// An address space as the table knows it. Two equal values mean: the same address lies in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Space {
    /// Index of the address space.
    pub index: u32,
    /// Grows whenever a new mapping replaces an older one.
    pub epoch: u32,
}

/// Follows processes.
#[derive(Debug, Default)]
pub struct ProcessTable {}

impl ProcessTable {
    /// An empty table. It reads `/proc` lazily: a process's maps at first sight of the process.
    pub fn new() -> Self {
        Self::default()
    }

    /// A table that never reads `/proc` (for replays): it knows what the events say.
    pub fn without_proc() -> Self {
        Self::default()
    }

    /// Applies what happened.
    pub fn apply(&mut self, _event: &Event) {}

    /// Reads a process's mappings now, and opens its files, if that was not done yet.
    pub fn read(&mut self, _pid: u32) {}

    /// The address space of an identity seen at `time`; its maps are read if the table has none.
    pub fn space(&mut self, identity: Identity, _time: u64) -> Space {
        Space { index: identity.pid, epoch: 0 }
    }

    /// Where `address` (a user-space address to look up) lies now. An address in no known mapping makes the
    /// maps be read once more while the process lives.
    pub fn locate(&mut self, _space: Space, address: u64) -> Place {
        Place::Unknown { address, reason: crate::Reason::NoMapping }
    }

    /// The process's name (its main thread's), any bytes.
    pub fn name(&self, _space: Space) -> &[u8] {
        b""
    }

    /// A file, by the id in a [`Place`].
    pub fn file(&self, _id: FileId) -> Option<&MappedFile> {
        None
    }

    /// The JIT map of an address space, by the number in a [`Place`].
    pub fn jit(&self, _space: u32) -> Option<&Jit> {
        None
    }
}

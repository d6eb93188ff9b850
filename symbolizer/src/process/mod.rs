//! The process table: identity, mappings, opened files.
//!
//! Folders in reading order: `proc` (reading `/proc`), `files`, `space` (one address space), `table` (the interface for the session).

pub(crate) mod files;
mod numbered;
pub(crate) mod proc;
mod space;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use proc::task::names_process;
pub use table::code::{CodeMemory, CodeOf, CodeRange};
pub use table::cut::Held;
pub use table::report::SpaceFacts;
pub use table::state::ProcessTable;
pub use table::sweep::Unread;

/// The identity of an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Process id in bpflame's own PID namespace.
    pub pid: u32,
    /// The start time of its group leader, in nanoseconds of CLOCK_BOOTTIME.
    pub start: u64,
    /// The kernel's exec counter.
    pub exec: u64,
}

/// An event in the life of a process. Events are applied in the order of their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub time: u64,
    /// Process id (for `Fork` the child's).
    pub pid: u32,
    /// Thread id (for `Fork` the child's).
    pub tid: u32,
    /// The kind of event.
    pub kind: EventKind,
}

/// The kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An executable mapping was made. It ends the mappings that it overlaps.
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
        /// The path as the process saw it, or a name such as `[vdso]` or `//anon`; any bytes.
        path: Vec<u8>,
    },
    /// The process runs another program: its mappings are gone.
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
    /// Records were lost: the maps of live processes must be read again before they can be trusted.
    Lost,
}

/// An address space as the table knows it. Two equal values mean that equal addresses are in equal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Space {
    /// Index of the address space.
    pub index: u32,
    /// Grows whenever a new mapping replaces an older one.
    pub epoch: u32,
}

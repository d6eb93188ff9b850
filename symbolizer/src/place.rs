//! Places of addresses: the vocabulary between the process table and the names.

pub use crate::reason::Reason;
pub use crate::runtime::Check;
use crate::runtime::Runtime;
use std::fs::File;
use std::sync::Arc;

/// An opened file of the process table: an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// An executable segment of a file: what a profile calls a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// First virtual address as the file states it.
    pub start: u64,
    /// Length in memory, in bytes.
    pub len: u64,
    /// Offset in the file, in bytes.
    pub offset: u64,
}

/// A file that was mapped as code. It was opened while it was there, and checked to be the one that was mapped.
#[derive(Debug)]
pub struct MappedFile {
    /// The path as the process saw it, without ` (deleted)`; any bytes.
    pub path: Vec<u8>,
    /// The open file; `None` if it could not be opened or checked, or was closed to stay within limits. Whoever reads it beside the recording
    /// shares it, so that it has one descriptor.
    pub handle: Option<Arc<File>>,
    /// The reason why there is no handle.
    pub reason: Option<Reason>,
    /// Its build ID, from the file itself. It is only a label and a key for debug files.
    pub build_id: Option<Vec<u8>>,
    /// Its executable segments, in file order.
    pub segments: Vec<Segment>,
    /// The root directory whose debug files fit this file: a shared descriptor of the mount namespace's root. `None`:
    /// bpflame's own root.
    pub root: Option<std::sync::Arc<File>>,
}

/// A process's map of JIT code: `/tmp/perf-PID.map` in its own mount and PID namespace, or its jitdump, opened while the process lived.
#[derive(Debug)]
pub struct Jit {
    /// The process id, as it is shown.
    pub pid: u32,
    /// The open map; `None` if there is none.
    pub map: Option<File>,
    /// The reason why there is none.
    pub reason: Option<Reason>,
    /// The runtime, if one was recognized.
    pub runtime: Option<Runtime>,
}

/// The place of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In a mapped file, at a virtual address as the file states it.
    File {
        /// The file.
        file: FileId,
        /// Virtual address in the file (for a file that could not be opened: its file offset).
        address: u64,
    },
    /// In the vDSO, at an offset from its start.
    Vdso {
        /// Bytes from the start of the mapping.
        offset: u64,
    },
    /// In anonymous executable memory: code made at run time. The number is for [`ProcessTable::jit`].
    ///
    /// [`ProcessTable::jit`]: crate::ProcessTable::jit
    Jit {
        /// Index of the address space.
        space: u32,
        /// Run-time address.
        address: u64,
        /// The code that was there at the time of the sample. Other code in its place is another place.
        check: Check,
    },
    /// In code that an interpreter runs. The number of the address space is for [`ProcessTable::memory`].
    ///
    /// [`ProcessTable::memory`]: crate::ProcessTable::memory
    Interpreted {
        /// Index of the address space.
        space: u32,
        /// The number of the interpreter in the registry of runtimes, from 1.
        runtime: u8,
        /// Address of the code object.
        object: u64,
        /// The position in the object, in the interpreter's own unit.
        position: u32,
        /// A check word of the object at the time of the sample. Its memory may be reused later.
        check: u32,
    },
    /// In the kernel, at a run-time address.
    Kernel {
        /// Run-time address.
        address: u64,
    },
    /// In no known place.
    Unknown {
        /// Run-time address.
        address: u64,
        /// The reason.
        reason: Reason,
    },
}

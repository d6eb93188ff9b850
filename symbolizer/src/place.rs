//! Places of addresses: the vocabulary between the process table and the names.

use std::fs::File;

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

/// A file that was mapped as code, opened while it was there and known to be the one that was mapped.
#[derive(Debug)]
pub struct MappedFile {
    /// The path as the process saw it, without ` (deleted)`; any bytes.
    pub path: Vec<u8>,
    /// The open file; `None` where it could not be opened or checked, or was closed to stay in bounds.
    pub handle: Option<File>,
    /// The reason why there is no handle.
    pub reason: Option<Reason>,
    /// Its build ID, from the file itself: a label, and a key for debug files only.
    pub build_id: Option<Vec<u8>>,
    /// Its executable segments, in file order.
    pub segments: Vec<Segment>,
    /// Directory (below `/proc/PID/root` or bpflame's own root) whose debug files fit: a descriptor of the
    /// mount namespace's root, shared; `None`: bpflame's own.
    pub root: Option<std::sync::Arc<File>>,
}

/// The runtime of a process, which decides whether its code has names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Runtime {
    /// A Java virtual machine.
    Jvm,
    /// CPython.
    Python,
    /// Node.js.
    Node,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// .NET.
    DotNet,
}

/// A process's perf map of JIT code: `/tmp/perf-PID.map` in its own mount and PID namespace, opened while the process lived.
#[derive(Debug)]
pub struct Jit {
    /// The process id, for the reader.
    pub pid: u32,
    /// The open perf map; `None` where there is none.
    pub map: Option<File>,
    /// The reason why there is none.
    pub reason: Option<Reason>,
    /// The runtime, where one was recognized.
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
    },
    /// In the kernel, at a run-time address.
    Kernel {
        /// Run-time address.
        address: u64,
    },
    /// Nowhere that is known.
    Unknown {
        /// Run-time address.
        address: u64,
        /// The reason.
        reason: Reason,
    },
}

/// The reason why something is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No executable mapping has the address.
    NoMapping,
    /// The process was gone before its mappings could be read.
    ProcessGone,
    /// Its mappings may not be read.
    NotPermitted,
    /// The mapped file is not to be found any more.
    FileGone,
    /// The file at the path is not the one that was mapped.
    FileChanged,
    /// The file is not regular, or over the size limit.
    FileRefused,
    /// The file is malformed.
    FileCorrupt,
    /// The file has no symbol for the address.
    NoSymbol,
    /// The file has no symbols at all.
    Stripped,
    /// Code made at run time, without a perf map.
    NoJitMap,
    /// The perf map was refused: it is a link or a device, has another owner, or is too large.
    JitMapRefused,
    /// The perf map has no entry for the address.
    NoJitEntry,
    /// A bound of memory or of open files was reached.
    Limit,
    /// `/proc/kallsyms` shows no addresses (`kernel.kptr_restrict`).
    KernelHidden,
    /// Names of files were not asked for.
    NotAsked,
}

impl Reason {
    /// A short phrase for the reader, as in "no symbol table".
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NoMapping => "no mapping at the address",
            Self::ProcessGone => "process exited before its mappings were read",
            Self::NotPermitted => "mappings not readable",
            Self::FileGone => "file gone",
            Self::FileChanged => "file changed since it was mapped",
            Self::FileRefused => "file refused",
            Self::FileCorrupt => "file malformed",
            Self::NoSymbol => "no symbol at the address",
            Self::Stripped => "no symbols in the file",
            Self::NoJitMap => "JIT code without a perf map",
            Self::JitMapRefused => "perf map refused",
            Self::NoJitEntry => "address not in the perf map",
            Self::Limit => "memory limit reached",
            Self::KernelHidden => "kernel addresses are hidden",
            Self::NotAsked => "names were not asked for",
        }
    }
}

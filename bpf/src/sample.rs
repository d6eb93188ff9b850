//! The data from the kernel: samples, stacks and side-band records.

use crate::skeleton::sampler::types::record_flags;
use std::fmt;

/// The name of a thread or process as the kernel keeps it: up to 15 arbitrary bytes and a zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Comm(pub [u8; 16]);

impl Comm {
    /// The bytes before the first zero.
    pub fn bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        &self.0[..end]
    }

    /// Makes a name of any bytes. Bytes beyond the 15th are cut off, as in the kernel.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut comm = [0; 16];
        let end = bytes.len().min(15);
        comm[..end].copy_from_slice(&bytes[..end]);
        Self(comm)
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.bytes()))
    }
}

/// The identity of an address space during a recording. An exec changes neither the pid nor the start time, so the kernel's exec counter
/// (`self_exec_id`) is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressSpace {
    /// Process id (the kernel's tgid) in bpflame's own PID namespace; 0 for the idle task.
    pub pid: u32,
    /// The start time of the group leader, in nanoseconds of CLOCK_BOOTTIME.
    pub start: u64,
    /// The kernel's `self_exec_id` of the group leader.
    pub exec: u64,
}

/// An object of an interpreter, and the texts that it names, as they were at the object's first sample. It may be freed soon after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptObject {
    /// The address space.
    pub space: AddressSpace,
    /// The interpreter's number, as in [`FrameKind::Interpreted`].
    pub runtime: u8,
    /// The object's address.
    pub address: u64,
    /// Its check, as in [`FrameKind::Interpreted`].
    pub check: u32,
    /// The first bytes of the object, of the text that is its name, and of the text that is its file's name. What could not be read is zero.
    pub parts: [Vec<u8>; 3],
}

/// A stack's content address: a seeded 64-bit hash of its frames; 0 means "no stack".
///
/// Among n stacks, two share an id with probability n²/2⁶⁵: in one of 10⁹ recordings of 100,000 stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct StackId(pub u64);

/// Facts about a sample's stacks: a set of bits, defined in `sampler.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Flags(pub u32);

impl Flags {
    /// The user stack is longer than what was recorded (depth limit, or a cycle).
    pub const TRUNCATED_USER: Self = Self(record_flags::FLAG_TRUNCATED_USER.0);
    /// The kernel stack is longer than what was recorded.
    pub const TRUNCATED_KERNEL: Self = Self(record_flags::FLAG_TRUNCATED_KERNEL.0);
    /// A 32-bit task: only its leaf is known.
    pub const COMPAT: Self = Self(record_flags::FLAG_COMPAT.0);
    /// The CPU ran a virtual machine's guest.
    pub const GUEST: Self = Self(record_flags::FLAG_GUEST.0);
    /// The idle task.
    pub const IDLE: Self = Self(record_flags::FLAG_IDLE.0);
    /// The task is not visible in bpflame's PID namespace (pid and tid are 0).
    pub const FOREIGN: Self = Self(record_flags::FLAG_FOREIGN.0);
    /// The stack was walked by frame pointers only.
    pub const FRAME_POINTERS: Self = Self(record_flags::FLAG_FRAME_POINTERS.0);
    /// A frame of the stack was guessed.
    pub const GUESSED: Self = Self(record_flags::FLAG_GUESSED.0);
    /// The sample was taken before the unwind table of one of its mappings was ready.
    pub const STALE: Self = Self(record_flags::FLAG_STALE.0);
    /// The walk ended at memory that could not be read.
    pub const UNREADABLE: Self = Self(record_flags::FLAG_UNREADABLE.0);
    /// A kernel thread: it has no user stack.
    pub const KERNEL_THREAD: Self = Self(record_flags::FLAG_KERNEL_THREAD.0);
    /// The sample hit kernel mode (the user stack starts at the saved registers).
    pub const IN_KERNEL: Self = Self(record_flags::FLAG_IN_KERNEL.0);
    /// The walk ended at a frame pointer or a return address that points nowhere.
    pub const BROKEN: Self = Self(record_flags::FLAG_BROKEN.0);

    /// The walk ended in code that no rule covers.
    pub const NO_RULE: Self = Self(record_flags::FLAG_NO_RULE.0);
    /// The walk ended at a rule that cannot be expressed.
    pub const UNSUPPORTED: Self = Self(record_flags::FLAG_UNSUPPORTED.0);
    /// The walk ended at an address outside every known mapping.
    pub const NO_MAPPING: Self = Self(record_flags::FLAG_NO_MAPPING.0);
    /// The walk ended at a rule that needs a register whose value is not known.
    pub const LOST_REGISTER: Self = Self(record_flags::FLAG_LOST_REGISTER.0);
    /// The process is ending and has given up its memory, so it has no user stack.
    pub const EXITING: Self = Self(record_flags::FLAG_EXITING.0);
    /// Frames of an interpreter could not be read, so functions may be missing.
    pub const NO_FUNCTIONS: Self = Self(record_flags::FLAG_NO_FUNCTIONS.0);

    /// Whether any bit of `other` is set.
    pub fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all bits of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub time: u64,
    /// The CPU on which the sample was taken.
    pub cpu: u32,
    /// The index of the event in [`crate::Started::events`].
    pub event: u16,
    /// The address space that was sampled. Its `pid` is the process id.
    pub space: AddressSpace,
    /// Thread id in bpflame's own PID namespace.
    pub tid: u32,
    /// Its weight in the event's unit (nanoseconds of CPU time for `cpu-clock`).
    pub weight: u64,
    /// Two values of the event, which defines their meaning.
    pub words: [u64; 2],
    /// The kernel stack, or `StackId(0)`.
    pub kernel: StackId,
    /// The user stack, or `StackId(0)`.
    pub user: StackId,
    /// The thread's name.
    pub comm: Comm,
    /// The cgroup's id (the inode of its directory in cgroup v2), 0 if there is none.
    pub cgroup: u64,
    /// The flags.
    pub flags: Flags,
}

/// The way in which a frame's address was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trust {
    /// The leaf: the CPU's own registers.
    Context,
    /// A rule of the binary's unwind information.
    Rule,
    /// A row synthesised from disassembly.
    Synthesised,
    /// A frame pointer.
    FramePointer,
    /// A guess: a word on the stack that looks like a return address.
    Guessed,
}

/// The kind of a frame's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    /// The instruction that was about to run.
    Instruction,
    /// The instruction after a call.
    Return,
    /// Code that an interpreter runs. The address is that of its code object.
    Interpreted {
        /// The number of the interpreter in the symbolizer's registry; never 0.
        runtime: u8,
        /// The position in the code object, in the interpreter's own unit.
        position: u32,
        /// A check word of the code object at the time of the sample; its memory may be reused later.
        check: u32,
    },
}

/// One frame of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// The run-time address as it was found; for an interpreter's frame, the address of the code object.
    pub address: u64,
    /// The kind of the address.
    pub kind: FrameKind,
    /// The way in which it was found.
    pub trust: Trust,
}

impl Frame {
    /// The address to look up. A return address belongs to the call before it, which may be the last instruction of another function. This is
    /// the only place that subtracts one.
    pub fn lookup(&self) -> u64 {
        match self.kind {
            FrameKind::Instruction | FrameKind::Interpreted { .. } => self.address,
            FrameKind::Return => self.address.saturating_sub(1),
        }
    }
}

/// A stack, leaf first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its content address.
    pub id: StackId,
    /// Its frames, leaf first; never empty.
    pub frames: Vec<Frame>,
    /// The code that was at some of their look-up addresses: the number that Java's virtual machine gave it.
    pub checks: Vec<(u64, u32)>,
}

/// One of perf's side-band records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideBand {
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub time: u64,
    /// Process id in bpflame's own PID namespace (for `Fork` the child's).
    pub pid: u32,
    /// Thread id in bpflame's own PID namespace (for `Fork` the child's).
    pub tid: u32,
    /// The kind of event.
    pub kind: SideBandKind,
}

/// The content of a side-band record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SideBandKind {
    /// An executable mapping was made.
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
    /// The process runs another program now; its mappings are gone.
    Exec {
        /// Its new name.
        comm: Comm,
    },
    /// A thread changed its name.
    Rename {
        /// Its new name.
        comm: Comm,
    },
    /// A new task. A new process if `pid` differs from `parent_pid`, else a thread.
    Fork {
        /// The parent's process id.
        parent_pid: u32,
        /// The parent's thread id.
        parent_tid: u32,
    },
    /// A thread ended.
    Exit,
}

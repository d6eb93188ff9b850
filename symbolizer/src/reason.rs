//! Reasons: an unknown fact is data.

/// The reason why something is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No executable mapping has the address.
    NoMapping,
    /// The process was gone before its mappings could be read.
    ProcessGone,
    /// Its mappings may not be read.
    NotPermitted,
    /// The mapped file no longer exists.
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
    /// Run-time code without a perf map.
    NoJitMap,
    /// The perf map was refused: it is a link or a device, has another owner, or is too large.
    JitMapRefused,
    /// The perf map has no entry for the address.
    NoJitEntry,
    /// A bound of memory or of open files was reached.
    Limit,
    /// `/proc/kallsyms` shows no addresses (`kernel.kptr_restrict`).
    KernelHidden,
    /// Names of files were not requested.
    NotAsked,
    /// No reader of this interpreter's functions exists yet.
    NoReader,
    /// The code object, or the code made at run time, has changed, or is not readable.
    ObjectGone,
    /// The time for names was over, or this file took more than its share.
    NoTime,
    /// The process that makes names failed at this file, or could not start.
    NamingFailed,
    /// The file's system does not answer.
    FileSystem,
    /// The address space is locked for longer than anybody waits.
    Locked,
}

/// All reasons. The index of each is its number.
const ALL: [Reason; 21] = [
    Reason::NoMapping,
    Reason::ProcessGone,
    Reason::NotPermitted,
    Reason::FileGone,
    Reason::FileChanged,
    Reason::FileRefused,
    Reason::FileCorrupt,
    Reason::NoSymbol,
    Reason::Stripped,
    Reason::NoJitMap,
    Reason::JitMapRefused,
    Reason::NoJitEntry,
    Reason::Limit,
    Reason::KernelHidden,
    Reason::NotAsked,
    Reason::NoReader,
    Reason::ObjectGone,
    Reason::NoTime,
    Reason::NamingFailed,
    Reason::FileSystem,
    Reason::Locked,
];

impl Reason {
    /// Its number, between two processes of one bpflame.
    pub(crate) fn number(self) -> u32 {
        self as u32
    }

    /// The reason with a number.
    pub(crate) fn of_number(number: u32) -> Option<Self> {
        ALL.get(number as usize).copied()
    }

    /// A short phrase for users, as in "no symbol table".
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NoMapping => "no mapping at the address",
            Self::ProcessGone => "process ended before it was read",
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
            Self::NoReader => "the interpreter's functions are not read yet",
            Self::ObjectGone => "its code was freed or replaced",
            Self::NoTime => "no time left to name it",
            Self::NamingFailed => "naming it failed",
            Self::FileSystem => "its file system does not answer",
            Self::Locked => "address space locked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_reasons() {
        for (number, reason) in (0..).zip(ALL) {
            assert_eq!((reason.number(), Reason::of_number(number)), (number, Some(reason)));
        }
        assert_eq!(Reason::of_number(ALL.len() as u32), None);
        assert_eq!(Reason::Locked.number() as usize, ALL.len() - 1, "the last one");
    }
}

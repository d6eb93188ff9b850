//! The facts about one runtime.

use super::Reader;

/// The facts about one runtime: an entry of the registry.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name, as in "CPython".
    pub(super) name: &'static str,
    /// The module name of its functions, as in `[python]`.
    pub(super) module: &'static str,
    /// Whether a mapped file with this name shows that a process runs it.
    pub(super) is_file: fn(&[u8]) -> bool,
    /// Its version, from the name of such a file.
    pub(super) version: fn(&str) -> Option<(u32, u32)>,
    /// The way to get names for its code, for a recording's summary; `None`: nothing needs to be done.
    pub(super) hint: Option<&'static str>,
    /// The defect without a perf map.
    pub(super) unnamed: Unnamed,
    /// The argument that makes its compiled code keep frame pointers, if it needs one, and the effect of missing frame
    /// pointers.
    pub(super) frame_pointers: Option<(&'static str, &'static str)>,
    /// The reader of the functions that its interpreter runs; `None`: there is none yet.
    pub(super) reader: Option<&'static dyn Reader>,
}

/// The defect without a perf map, and its cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// The code that has no names.
    pub fact: &'static str,
    /// The cure, with `{pid}` for the process; `None`: there is none yet.
    pub cure: Option<&'static str>,
    /// The first version that the cure works for, and the effect in earlier ones.
    pub since: Option<((u32, u32), &'static str)>,
}

/// Whether `name` begins with `prefix`.
pub(super) fn starts(name: &[u8], prefix: &str) -> bool {
    name.starts_with(prefix.as_bytes())
}

/// Whether `name` is that of a program, with or without a version behind it.
pub(super) fn is_program(name: &[u8], program: &str) -> bool {
    name.strip_prefix(program.as_bytes())
        .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// For runtimes whose version does not matter.
pub(super) fn no_version(_: &str) -> Option<(u32, u32)> {
    None
}

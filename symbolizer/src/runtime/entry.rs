//! What is known of one runtime.

use super::Reader;

/// What is known of one runtime: an entry of the registry.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name, as in "CPython".
    pub(super) name: &'static str,
    /// The module that its functions are said to be of, as in `[python]`.
    pub(super) module: &'static str,
    /// Whether a mapped file with this name tells of it.
    pub(super) is_file: fn(&[u8]) -> bool,
    /// Its version by the name of such a file.
    pub(super) version: fn(&str) -> Option<(u32, u32)>,
    /// What gives its code names, for a recording's summary.
    pub(super) hint: &'static str,
    /// What is missing without a perf map.
    pub(super) unnamed: Unnamed,
    /// The argument that makes its compiled code keep frame pointers, where it keeps none without it, and what
    /// it means that there are none.
    pub(super) frame_pointers: Option<(&'static str, &'static str)>,
    /// Reads the functions that its interpreter runs; `None`: nothing does yet.
    pub(super) reader: Option<&'static dyn Reader>,
}

/// What is missing without a perf map, and what mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// What has no names.
    pub fact: &'static str,
    /// What mends it, with `{pid}` for the process; `None`: nothing does yet.
    pub cure: Option<&'static str>,
    /// Versions before this one cannot be mended, and what that means.
    pub since: Option<((u32, u32), &'static str)>,
}

/// Whether `name` begins so.
pub(super) fn starts(name: &[u8], prefix: &str) -> bool {
    name.starts_with(prefix.as_bytes())
}

/// Whether `name` is a program's, with or without a version behind it.
pub(super) fn is_program(name: &[u8], program: &str) -> bool {
    name.strip_prefix(program.as_bytes())
        .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// For runtimes whose version makes no difference.
pub(super) fn no_version(_: &str) -> Option<(u32, u32)> {
    None
}

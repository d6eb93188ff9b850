//! The rights of the user, where bpflame has more: capabilities of its file.
//!
//! A capability serves a step that needs it, and no other. What the user names is opened with the user's own rights. Who called
//! sudo is root already, so these functions change nothing for root.

use crate::host::exit::{Failure, Kind};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{getegid, geteuid, getgid, getuid};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::{env, fs, io};

/// The capabilities that open files of others.
const FILES: CapabilitySet = CapabilitySet::DAC_READ_SEARCH
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::CHECKPOINT_RESTORE);

/// Refuses to run with another user's or group's id.
///
/// # Errors
/// bpflame's file is set-user-ID or set-group-ID.
pub(crate) fn check_ids() -> Result<(), Failure> {
    if getuid() == geteuid() && getgid() == getegid() {
        return Ok(());
    }
    let message = "set-user-ID and set-group-ID are refused";
    let path = env::current_exe().map_or_else(|_| "FILE".into(), |path| path.display().to_string());
    Err(Failure::new(Kind::NotPermitted, message).cure(format!("run `sudo chmod ug-s {path}`")))
}

/// Gives up all capabilities of this thread, for good. Before other threads have started, these are the process's.
///
/// # Errors
/// The kernel refused.
pub(crate) fn give_up() -> io::Result<()> {
    let Some(sets) = own()? else { return Ok(()) };
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, ..sets })?)
}

/// Acts with the user's own rights: without an effective capability. Threads that start meanwhile lack them too.
///
/// # Errors
/// Those of `act`; also if the capabilities could not be changed: then nothing was done.
pub(crate) fn as_the_user<T, E: From<io::Error>>(
    act: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    without(CapabilitySet::all(), act)
}

/// Acts without the capabilities that open files of others, but with those to sample.
///
/// # Errors
/// As with [`as_the_user`].
pub(crate) fn without_files_of_others<T, E: From<io::Error>>(
    act: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    without(FILES, act)
}

fn without<T, E: From<io::Error>>(
    dropped: CapabilitySet,
    act: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let Some(sets) = own()? else { return act() };
    let fewer = CapabilitySets { effective: sets.effective - dropped, ..sets };
    set_capabilities(None, fewer).map_err(io::Error::from)?;
    let result = act();
    set_capabilities(None, sets).map_err(io::Error::from)?;
    result
}

/// Whether this process may have capabilities that its user has not.
pub(crate) fn has_borrowed() -> bool {
    own().map_or(true, |sets| sets.is_some_and(|sets| !sets.permitted.is_empty()))
}

/// The sets of this thread; `None` for root, who keeps them.
fn own() -> io::Result<Option<CapabilitySets>> {
    if getuid().is_root() { Ok(None) } else { Ok(Some(capabilities(None)?)) }
}

/// The environment as the process got it. The dynamic linker takes variables away from a program with capabilities, such as
/// `LD_LIBRARY_PATH`; they are still in `/proc`. (glibc empties `GLIBC_TUNABLES` there, too.)
pub(crate) fn environment() -> Vec<(OsString, OsString)> {
    const PATH: &str = "/proc/self/environ";
    let bytes = fs::read(PATH).or_else(|error| {
        // With capabilities of its file, a process's own files in /proc are root's. Whoever has less capabilities cannot trace it
        // meanwhile.
        set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(|_| error)?;
        let read = fs::read(PATH);
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        read
    });
    bytes.map_or_else(|_| env::vars_os().collect(), |bytes| variables(&bytes))
}

/// The variables of an environment block. The first of a name counts.
fn variables(block: &[u8]) -> Vec<(OsString, OsString)> {
    let mut list: Vec<(OsString, OsString)> = Vec::new();
    for entry in block.split(|byte| *byte == 0) {
        // A name is not empty; its first byte may be a `=`.
        let Some(at) = entry.iter().skip(1).position(|byte| *byte == b'=') else { continue };
        let (name, value) = (&entry[..=at], &entry[at + 2..]);
        list.push((OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_block_is_parsed() {
        let of = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let block = b"PATH=/bin\0LD_LIBRARY_PATH=a=b\0\0nothing\0EMPTY=\0=x=y\0=\0";
        let expected =
            [of("PATH", "/bin"), of("LD_LIBRARY_PATH", "a=b"), of("EMPTY", ""), of("=x", "y")];
        assert_eq!(variables(block), expected);
    }

    #[test]
    fn the_own_environment_is_read() {
        let mut read = environment();
        let mut known: Vec<_> = env::vars_os().collect();
        read.sort();
        known.sort();
        assert_eq!(read, known);
    }
}

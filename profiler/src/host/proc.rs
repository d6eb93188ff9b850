//! Facts about processes from `/proc`. Each read is bounded.

use output::text as names;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use symbolizer::foreign::{FarText, Patience};

/// The most bytes that are read of a file about a process.
const LIMIT: u64 = 64 * 1024;
/// The most bytes that are read of a file that grows with the machine, such as its list of CPUs.
const LONG: u64 = 16 * 1024 * 1024;

/// The most bytes of a first argument.
const MOST_ARGUMENT: usize = 4096;

/// The nanoseconds in one unit of a process's start time.
pub(crate) const START_UNIT: u64 = 10_000_000;

/// A file's first 64 KiB.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    first(path.as_ref(), LIMIT)
}

fn first(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first 16 MiB of a file as text. Files about the machine are longer than those about a process.
pub(crate) fn long_text(path: impl AsRef<Path>) -> io::Result<String> {
    first(path.as_ref(), LONG).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The first 64 KiB of a file as text. The kernel writes such files in ASCII.
pub(crate) fn text(path: impl AsRef<Path>) -> io::Result<String> {
    read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// All process ids, ascending.
pub(crate) fn pids() -> Vec<u32> {
    numbers(Path::new("/proc"))
}

/// The thread ids of a process, ascending; empty if it has ended.
pub(crate) fn threads(pid: u32) -> Vec<u32> {
    numbers(&PathBuf::from(format!("/proc/{pid}/task")))
}

fn numbers(dir: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut list: Vec<u32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    list.sort_unstable();
    list
}

/// The fields of `/proc/ID/status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// The process that the task belongs to.
    pub process: u32,
    /// The parent of that process.
    pub parent: u32,
    /// Whether the process has ended and waits to be reaped.
    pub zombie: bool,
}

/// The status of a task; `None` if it does not exist.
pub(crate) fn status(id: u32) -> Option<Status> {
    parse_status(&text(format!("/proc/{id}/status")).ok()?)
}

/// Whether a process has ended, by the fields `State` and `Threads` of its status. Its first thread may have ended alone.
pub(crate) fn is_zombie(state: &str, threads: &str) -> bool {
    state.starts_with(['Z', 'X']) && matches!(threads, "" | "0" | "1")
}

fn parse_status(text: &str) -> Option<Status> {
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    Some(Status {
        process: field("Tgid")?.parse().ok()?,
        parent: field("PPid")?.parse().ok()?,
        zombie: is_zombie(field("State").unwrap_or(""), field("Threads").unwrap_or("")),
    })
}

/// The start time of a process, in hundredths of a second since boot.
pub(crate) fn start(pid: u32) -> Option<u64> {
    let stat = text(format!("/proc/{pid}/stat")).ok()?;
    // The name in the second field may contain anything, so the fields are counted from behind its last bracket.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The name of a task, as one printable line; empty if it has ended.
pub(crate) fn comm(id: u32) -> String {
    printable(&read(format!("/proc/{id}/comm")).unwrap_or_default())
}

/// A task chooses its name. A line break in it would begin a message of its own.
fn printable(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if name.trim().is_empty() { String::new() } else { names::clean(&name).into_owned() }
}

/// The name of a process: that of its first thread, or of its program if this one names the thread alone.
pub(crate) fn name(pid: u32) -> String {
    let comm = comm(pid);
    if symbolizer::names_process(comm.as_bytes()) { comm } else { program(pid).unwrap_or(comm) }
}

/// The last part of the path of a process's program, without ` (deleted)`; `None` if it may not be read.
pub(crate) fn program(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some(name.strip_suffix(" (deleted)").map_or(name.clone(), str::to_owned))
}

/// A look at the address space of a process, which may be locked; `None` if it is.
pub(crate) fn patiently<T: Send + 'static>(
    pid: u32,
    look: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    Patience::default().look((pid, 0), look).ok()
}

/// The last part of a process's first argument.
pub(crate) fn first_argument(pid: u32, reads: &mut FarText) -> Option<String> {
    let file = File::open(format!("/proc/{pid}/cmdline")).ok()?;
    let bytes = reads.read(&file, MOST_ARGUMENT).ok()?;
    let first = bytes.split(|&b| b == 0).next().filter(|first| !first.is_empty())?;
    let base = first.rsplit(|&b| b == b'/').next().unwrap_or(first);
    Some(String::from_utf8_lossy(base).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_parsed() {
        let text = "Name:\tx y\nState:\tZ (zombie)\nTgid:\t12\nPid:\t13\nPPid:\t1\n";
        assert_eq!(parse_status(text), Some(Status { process: 12, parent: 1, zombie: true }));
        let others_live = format!("{text}Threads:\t2\n");
        assert!(!parse_status(&others_live).unwrap().zombie);
        assert!(parse_status(&format!("{text}Threads:\t1\n")).unwrap().zombie);
        assert_eq!(parse_status("Name:\tx\n"), None);
        assert_eq!(parse_status(""), None);
    }

    #[test]
    fn a_name_is_one_printable_line() {
        assert_eq!(printable(b"usual name\n"), "usual name");
        assert_eq!(printable(b"a\nbpflame: \x1b[2J\xff\n"), "a bpflame: \u{fffd}[2J\u{fffd}");
        assert_eq!(printable(b"\n"), "");
    }

    #[test]
    fn the_machine_s_files_are_read_to_their_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "cpu0 1 2 3\n".repeat(20_000);
        std::fs::write(file.path(), &text).unwrap();
        assert_eq!(long_text(file.path()).unwrap(), text);
    }

    #[test]
    fn this_process_is_seen() {
        let own = std::process::id();
        assert!(pids().contains(&own));
        assert!(threads(own).contains(&own));
        assert_eq!(status(own).map(|s| s.process), Some(own));
        assert!(program(own).is_some());
        assert!(!comm(own).is_empty());
    }
}

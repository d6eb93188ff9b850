//! Reading `/proc/PID`, with bounds and through one descriptor, so that all facts belong to the same process.

use crate::foreign::{Patience, Who};
use crate::place::Reason;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::cmp::Ordering;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

/// The largest maps file that is read, in bytes: about that of a process with as many mappings as the kernel allows.
const MOST_MAPS: usize = 32 << 20;
/// The most threads of which one that lives is looked for.
const MOST_THREADS: usize = 64;
/// The nanoseconds of a tick in `/proc/PID/stat`.
pub(crate) const TICK: u64 = 10_000_000;

/// A process's directory in `/proc`. After the process has ended, reads fail, even if another process has its pid.
#[derive(Debug)]
pub(crate) struct Task {
    pid: u32,
    directory: Arc<OwnedFd>,
    seen: OnceLock<Seen>,
}

/// What its stat line tells.
#[derive(Debug)]
struct Seen {
    ticks: u64,
    /// The directory to look at its address space from: that of another thread if the first one has ended.
    space: Arc<OwnedFd>,
}

/// The start time of a process, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Start {
    /// From its identity: nanoseconds of CLOCK_BOOTTIME.
    pub(crate) exact: Option<u64>,
    /// From `/proc`: ticks since boot; the kernel rounds down.
    pub(crate) ticks: Option<u64>,
}

impl Start {
    /// Whether a process with the start time `ticks` in `/proc` can be this one.
    pub(crate) fn allows(self, ticks: u64) -> bool {
        self.exact.is_none_or(|exact| same_tick(exact, ticks))
            && self.ticks.is_none_or(|was| was == ticks)
    }

    /// The order of this start time relative to one in nanoseconds.
    pub(crate) fn compare(self, exact: u64) -> Ordering {
        match (self.exact, self.ticks) {
            (Some(known), _) => exact.cmp(&known),
            (None, Some(ticks)) if !same_tick(exact, ticks) => (exact / TICK).cmp(&ticks),
            (None, _) => Ordering::Equal,
        }
    }

    /// The start in nanoseconds, exact or rounded down to a tick.
    pub(crate) fn about(self) -> Option<u64> {
        self.exact.or(self.ticks.map(|ticks| ticks.saturating_mul(TICK)))
    }
}

fn same_tick(exact: u64, ticks: u64) -> bool {
    (exact / TICK).abs_diff(ticks) <= 1
}

/// Lines of `/proc/PID/status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// The process.
    pub(crate) process: u32,
    /// The pid in the process's own PID namespace.
    pub(crate) namespace_pid: u32,
    /// The effective user id, as bpflame's user namespace sees it.
    pub(crate) user: u32,
}

impl Task {
    /// A living process (or a zombie).
    pub(crate) fn open(pid: u32) -> Result<Self, Reason> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            rustix::fs::open(format!("/proc/{pid}"), flags, Mode::empty()).map_err(reason)?;
        Ok(Self { pid, directory: Arc::new(directory), seen: OnceLock::new() })
    }

    /// A living process, if it is the one with this start time.
    pub(crate) fn open_started(pid: u32, start: Start) -> Option<Self> {
        let task = Self::open(pid).ok()?;
        task.start_ticks().is_ok_and(|ticks| start.allows(ticks)).then_some(task)
    }

    /// Its start time, in ticks of 10 ms since boot.
    pub(crate) fn start_ticks(&self) -> Result<u64, Reason> {
        self.seen().map(|seen| seen.ticks)
    }

    fn seen(&self) -> Result<&Seen, Reason> {
        if let Some(seen) = self.seen.get() {
            return Ok(seen);
        }
        let stat = read(&self.directory, "stat", 4096)?;
        let ticks = start_ticks(&stat).ok_or(Reason::ProcessGone)?;
        let other = if has_ended(&stat) { self.living_thread() } else { None };
        let space = other.map_or_else(|| Arc::clone(&self.directory), Arc::new);
        Ok(self.seen.get_or_init(|| Seen { ticks, space }))
    }

    /// The directory of a thread that has not ended. Only one of the last ones can be found to have done so.
    fn living_thread(&self) -> Option<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let list = rustix::fs::openat(&self.directory, "task", flags, Mode::empty()).ok()?;
        let names = rustix::fs::Dir::read_from(list).ok()?.flatten();
        let ids = names.filter_map(|entry| entry.file_name().to_str().ok()?.parse::<u32>().ok());
        ids.filter(|id| *id != self.pid).take(MOST_THREADS).find_map(|id| {
            let thread = Self::open(id).ok()?.directory;
            let status = status(&read(&thread, "status", 64 << 10).ok()?)?;
            let lives =
                status.process == self.pid && !has_ended(&read(&thread, "stat", 4096).ok()?);
            Arc::into_inner(thread).filter(|_| lives)
        })
    }

    /// Its name.
    pub(crate) fn comm(&self) -> Result<Vec<u8>, Reason> {
        let mut comm = read(&self.directory, "comm", 64)?;
        if comm.last() == Some(&b'\n') {
            comm.pop();
        }
        Ok(comm)
    }

    /// The name of its process: its own, or that of its program if it has none of its own.
    pub(crate) fn process_name(&self) -> Result<Vec<u8>, Reason> {
        let comm = self.comm()?;
        let program = || {
            let path = self.program()?;
            Some(path.rsplit(|&byte| byte == b'/').next()?.to_vec())
        };
        Ok(if names_process(&comm) { comm } else { program().unwrap_or(comm) })
    }

    /// Its mappings, as whole lines.
    pub(crate) fn maps(&self, patience: &Patience) -> Result<Vec<u8>, Reason> {
        let mut maps = self.patiently(patience, |at| read(at, "maps", MOST_MAPS))?;
        maps.truncate(maps.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
        Ok(maps)
    }

    /// Its user and its pid in its own namespace.
    pub(crate) fn status(&self) -> Result<Status, Reason> {
        status(&read(&self.directory, "status", 64 << 10)?).ok_or(Reason::ProcessGone)
    }

    /// The path of its program, as its mappings have it.
    pub(crate) fn program(&self) -> Option<Vec<u8>> {
        let path = rustix::fs::readlinkat(self.directory(), "exe", Vec::new()).ok()?;
        Some(path.into_bytes())
    }

    /// Its memory, for reads by address; `None` if that is not permitted.
    pub(crate) fn memory(&self, patience: &Patience) -> Option<File> {
        self.patiently(patience, |at| open(at, "mem")).ok()
    }

    /// A look at its address space, which may be locked. Of the other files, the kernel needs no lock.
    pub(crate) fn patiently<T: Send + 'static>(
        &self,
        patience: &Patience,
        look: impl FnOnce(&OwnedFd) -> Result<T, Reason> + Send + 'static,
    ) -> Result<T, Reason> {
        let seen = self.seen()?;
        let who: Who = (self.pid, seen.ticks);
        let directory = Arc::clone(&seen.space);
        patience.look(who, move || look(&directory))?
    }

    /// The directory's descriptor, for its links.
    pub(crate) fn directory(&self) -> &OwnedFd {
        self.seen().map_or(&self.directory, |seen| &seen.space)
    }
}

fn open(directory: &OwnedFd, name: &str) -> Result<File, Reason> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty()).map(File::from).map_err(reason)
}

fn read(directory: &OwnedFd, name: &str, most: usize) -> Result<Vec<u8>, Reason> {
    let file = open(directory, name)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 << 10];
    while bytes.len() < most {
        match rustix::io::read(&file, &mut chunk) {
            Ok(0) => break,
            Ok(got) => bytes.extend_from_slice(&chunk[..got]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(reason(error)),
        }
    }
    Ok(bytes)
}

/// The reason for an error of `/proc`.
pub(crate) fn reason(error: Errno) -> Reason {
    match error {
        Errno::ACCESS | Errno::PERM => Reason::NotPermitted,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Reason::Limit,
        _ => Reason::ProcessGone,
    }
}

/// Field 22 of a stat line. The name in parentheses may contain any bytes.
pub(crate) fn start_ticks(stat: &[u8]) -> Option<u64> {
    let close = stat.iter().rposition(|&byte| byte == b')')?;
    let fields = std::str::from_utf8(&stat[close + 1..]).ok()?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Whether the thread of a stat line has ended. Its process goes on while another thread lives.
fn has_ended(stat: &[u8]) -> bool {
    let close = stat.iter().rposition(|&byte| byte == b')').unwrap_or(0);
    matches!(stat.get(close + 2), Some(b'Z' | b'X'))
}

/// The last number of `NSpid`, and the second of `Uid`. The process's name cannot fake such a line, because the kernel
/// escapes line breaks in it.
pub(crate) fn status(status: &[u8]) -> Option<Status> {
    let field = |name: &[u8]| {
        let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
        std::str::from_utf8(line).ok()
    };
    Some(Status {
        process: field(b"Tgid:")?.trim().parse().ok()?,
        namespace_pid: field(b"NSpid:")?.split_ascii_whitespace().next_back()?.parse().ok()?,
        user: field(b"Uid:")?.split_ascii_whitespace().nth(1)?.parse().ok()?,
    })
}

/// Whether the name of a process's first thread is one of the process. Node.js calls this thread `MainThread`.
pub fn names_process(comm: &[u8]) -> bool {
    comm != b"MainThread"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_process() {
        let task = Task::open(std::process::id()).unwrap();
        assert!(task.start_ticks().unwrap() > 0);
        assert!(!task.comm().unwrap().is_empty());
        assert!(
            task.maps(&Patience::default()).unwrap().windows(6).any(|bytes| bytes == b"[vdso]")
        );
        let status = task.status().unwrap();
        assert_eq!(status.namespace_pid, std::process::id());
        assert_eq!(status.user, rustix::process::geteuid().as_raw());
    }

    #[test]
    fn a_process_that_is_gone_has_no_answers() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let task = Task::open(child.id()).unwrap();
        child.wait().unwrap();
        assert_eq!(task.maps(&Patience::default()), Err(Reason::ProcessGone));
        assert_eq!(task.start_ticks(), Err(Reason::ProcessGone));
    }

    #[test]
    fn names_of_any_bytes_do_not_shift_the_fields() {
        let line = b"1 (a) R 9 (\xff)) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 4242 99 7\n";
        assert_eq!(start_ticks(line), Some(4242));
        assert_eq!(start_ticks(b"1 (a"), None);
        let lines =
            b"Name:\ta\\nNSpid:\t9\nTgid:\t78\nUid:\t1000\t1001\t1000\t1000\nNSpid:\t77\t3\n";
        assert_eq!(status(lines), Some(Status { process: 78, namespace_pid: 3, user: 1001 }));
    }
}

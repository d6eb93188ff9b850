//! Reading `/proc/PID`, with bounds and through one descriptor, so that all facts belong to the same process.

use crate::place::Reason;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::cmp::Ordering;
use std::fs::File;
use std::os::fd::OwnedFd;

/// The largest maps file that is read, in bytes: about that of a process with as many mappings as the kernel allows.
const MOST_MAPS: usize = 32 << 20;
/// The nanoseconds of a tick in `/proc/PID/stat`.
pub(crate) const TICK: u64 = 10_000_000;

/// A process's directory in `/proc`. After the process has ended, reads fail, even if another process has its pid.
#[derive(Debug)]
pub(crate) struct Task {
    directory: OwnedFd,
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
        Ok(Self { directory })
    }

    /// A living process, if it is the one with this start time.
    pub(crate) fn open_started(pid: u32, start: Start) -> Option<Self> {
        let task = Self::open(pid).ok()?;
        task.start_ticks().is_ok_and(|ticks| start.allows(ticks)).then_some(task)
    }

    /// Its start time, in ticks of 10 ms since boot.
    pub(crate) fn start_ticks(&self) -> Result<u64, Reason> {
        start_ticks(&self.read("stat", 4096)?).ok_or(Reason::ProcessGone)
    }

    /// Its name.
    pub(crate) fn comm(&self) -> Result<Vec<u8>, Reason> {
        let mut comm = self.read("comm", 64)?;
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
    pub(crate) fn maps(&self) -> Result<Vec<u8>, Reason> {
        let mut maps = self.read("maps", MOST_MAPS)?;
        maps.truncate(maps.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
        Ok(maps)
    }

    /// Its user and its pid in its own namespace.
    pub(crate) fn status(&self) -> Result<Status, Reason> {
        status(&self.read("status", 64 << 10)?).ok_or(Reason::ProcessGone)
    }

    /// The path of its program, as its mappings have it.
    pub(crate) fn program(&self) -> Option<Vec<u8>> {
        let path = rustix::fs::readlinkat(&self.directory, "exe", Vec::new()).ok()?;
        Some(path.into_bytes())
    }

    /// Its memory, for reads by address; `None` if that is not permitted.
    pub(crate) fn memory(&self) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.directory, "mem", flags, Mode::empty()).map(File::from).ok()
    }

    /// The directory's descriptor, for its links.
    pub(crate) fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    fn read(&self, name: &str, most: usize) -> Result<Vec<u8>, Reason> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&self.directory, name, flags, Mode::empty()).map_err(reason)?;
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

/// The last number of `NSpid`, and the second of `Uid`. The process's name cannot fake such a line, because the kernel
/// escapes line breaks in it.
pub(crate) fn status(status: &[u8]) -> Option<Status> {
    let field = |name: &[u8]| {
        let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
        std::str::from_utf8(line).ok()
    };
    Some(Status {
        namespace_pid: field(b"NSpid:")?.split_ascii_whitespace().next_back()?.parse().ok()?,
        user: field(b"Uid:")?.split_ascii_whitespace().nth(1)?.parse().ok()?,
    })
}

/// Whether the name of a process's first thread is one of the process. Node.js calls this thread `MainThread`.
pub(crate) fn names_process(comm: &[u8]) -> bool {
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
        assert!(task.maps().unwrap().windows(6).any(|bytes| bytes == b"[vdso]"));
        let status = task.status().unwrap();
        assert_eq!(status.namespace_pid, std::process::id());
        assert_eq!(status.user, rustix::process::geteuid().as_raw());
    }

    #[test]
    fn a_process_that_is_gone_has_no_answers() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let task = Task::open(child.id()).unwrap();
        child.wait().unwrap();
        assert_eq!(task.maps(), Err(Reason::ProcessGone));
        assert_eq!(task.start_ticks(), Err(Reason::ProcessGone));
    }

    #[test]
    fn names_of_any_bytes_do_not_shift_the_fields() {
        let line = b"1 (a) R 9 (\xff)) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 4242 99 7\n";
        assert_eq!(start_ticks(line), Some(4242));
        assert_eq!(start_ticks(b"1 (a"), None);
        let lines = b"Name:\ta\\nNSpid:\t9\nUid:\t1000\t1001\t1000\t1000\nNSpid:\t77\t3\n";
        assert_eq!(status(lines), Some(Status { namespace_pid: 3, user: 1001 }));
    }
}

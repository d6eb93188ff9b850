//! Tests of the whole table: by events alone, with real processes, and with hostile files.

mod cuts;
mod events;
mod files;
mod hindsight;
mod hostile;
mod namespaces;
mod processes;

use super::{Event, EventKind, Identity, ProcessTable, Space};
use crate::place::Place;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

pub(crate) fn event(time: u64, pid: u32, kind: EventKind) -> Event {
    Event { time, pid, tid: pid, kind }
}

fn identity(pid: u32, start: u64, exec: u64) -> Identity {
    Identity { pid, start, exec }
}

fn exec(time: u64, pid: u32, comm: &str) -> Event {
    event(time, pid, EventKind::Exec { comm: comm.into() })
}

fn fork(time: u64, pid: u32, parent: u32) -> Event {
    event(time, pid, EventKind::Fork { parent })
}

/// A mapping of the first 0x1000 bytes of `/bin/PATH`, which has the inode 7.
fn mmap(time: u64, pid: u32, start: u64, path: &str) -> Event {
    let path = path.as_bytes().to_vec();
    event(
        time,
        pid,
        EventKind::Mmap { start, len: 0x1000, offset: 0, device: (8, 1), inode: 7, path },
    )
}

fn anonymous(time: u64, pid: u32, start: u64) -> Event {
    let path = b"//anon".to_vec();
    event(
        time,
        pid,
        EventKind::Mmap { start, len: 0x1000, offset: 0, device: (0, 0), inode: 0, path },
    )
}

/// A process that belongs to the test and ends with it.
pub(crate) struct Running(Child);

impl Running {
    /// Runs a shell script. The script prints a line when it is ready, and then waits for the end of its input.
    pub(crate) fn shell(script: &str) -> Self {
        Self::command(Command::new("sh").args(["-c", script]))
    }

    fn command(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the script ended before it was ready");
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Its only child.
    fn child(&self) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        std::fs::read_to_string(children).unwrap().trim().parse().unwrap()
    }

    pub(crate) fn end(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The identity that the kernel would give.
pub(crate) fn identity_of(pid: u32) -> Identity {
    let ticks = crate::process::proc::task::Task::open(pid).unwrap().start_ticks().unwrap();
    identity(pid, ticks * crate::process::proc::task::TICK + 1_234_567, 1)
}

/// A table that has read a process, and in which an address in memory without a file was looked up.
fn with_run_time_code(pid: u32) -> (ProcessTable, Space) {
    let mut table = ProcessTable::new();
    table.read(pid);
    table.apply(&anonymous(1, pid, 0x10_0000));
    let space = table.space(identity_of(pid), 2);
    assert!(matches!(table.locate(space, 0x10_0010), Place::Jit { .. }));
    (table, space)
}

/// The first executable mapping of a process whose path contains `part`, as an event.
pub(crate) fn mapping_event(time: u64, pid: u32, part: &str) -> Event {
    let maps = std::fs::read(format!("/proc/{pid}/maps")).unwrap();
    let told = crate::process::proc::maps::executable(&maps)
        .find(|told| told.path.windows(part.len()).any(|name| name == part.as_bytes()))
        .unwrap_or_else(|| panic!("no {part} in {}", String::from_utf8_lossy(&maps)));
    event(
        time,
        pid,
        EventKind::Mmap {
            start: told.start,
            len: told.end - told.start,
            offset: told.offset,
            device: told.device,
            inode: told.inode,
            path: told.path.to_vec(),
        },
    )
}

/// Waits until a process has mapped the code of a program. The name alone is not enough: exec sets it before that.
fn wait_for_program(pid: u32, name: &str) {
    let mapped = || {
        let maps = std::fs::read(format!("/proc/{pid}/maps")).unwrap();
        crate::process::proc::maps::executable(&maps).any(|told| {
            crate::process::proc::maps::basename(crate::process::proc::maps::undeleted(told.path).0)
                .ends_with(name.as_bytes())
        })
    };
    while !mapped() {
        std::thread::yield_now();
    }
}

pub(crate) fn start_of(event: &Event) -> u64 {
    match event.kind {
        EventKind::Mmap { start, .. } => start,
        _ => panic!("not a mapping: {event:?}"),
    }
}

/// Prints why the running test does nothing. It writes to the stream itself, because the test runner hides what passing
/// tests print. The thread has the test's name.
pub(crate) fn skipped(why: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    // The line is written in one piece, because other threads also write.
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Whether the test may mount; prints a message if not.
fn may_mount() -> bool {
    let may = rustix::process::geteuid().is_root()
        && Command::new("unshare")
            .args(["-m", "true"])
            .status()
            .is_ok_and(|status| status.success());
    if !may {
        skipped("needs root and mount namespaces");
    }
    may
}

fn inode(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).unwrap().ino()
}

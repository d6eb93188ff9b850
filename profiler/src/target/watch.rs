//! Waits for the end of a recording: for signals, and for the end of the recorded processes.

use crate::host::proc;
use crate::host::signals::Signals;
use bpf::{SideBand, SideBandKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// The most processes that wake the watcher when they end. The end of others is noticed at the next drain.
const MAX_WAKING: usize = 256;

/// Up to this many processes are checked at each question. More processes are checked only after [`LOOK`], or when one
/// that wakes the watcher has ended.
const FEW: usize = 8;
/// The interval of checking many processes.
const LOOK: Duration = Duration::from_secs(1);

/// The time that a new program needs to map its libraries.
const SETTLE: Duration = Duration::from_millis(2);

/// The recorded processes that are still alive: the target and its descendants.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    members: HashSet<u32>,
    /// The command, whose end ends the recording.
    command: Option<u32>,
    /// Members with a descriptor that tells their end, that of the last thread. `/proc` may be of another PID namespace, and calls a
    /// process ended whose main thread has.
    waking: Vec<(u32, OwnedFd)>,
    /// The time of the last check of all members; `None`: check them now.
    looked: Option<Instant>,
}

impl Watch {
    /// Watches these processes. Without any, no process ends the recording.
    pub(crate) fn new(processes: &[u32]) -> Self {
        let open = |pid: &u32| {
            let id = Pid::from_raw(i32::try_from(*pid).ok()?)?;
            Some((*pid, pidfd_open(id, PidfdFlags::empty()).ok()?))
        };
        let waking = processes.iter().take(MAX_WAKING).filter_map(open).collect();
        Self { members: processes.iter().copied().collect(), command: None, waking, looked: None }
    }

    /// Sets the command. Then only its own end counts, because processes that it leaves behind may run for ever.
    pub(crate) fn until(self, command: Option<u32>) -> Self {
        Self { command, ..self }
    }

    /// Waits for a signal, the end of a process, or `time`. After `rest`, it also waits for `others`, and then for [`SETTLE`]: a new
    /// program is still mapping its libraries.
    pub(crate) fn wait(
        &mut self,
        signals: &Signals,
        time: Duration,
        rest: Duration,
        others: &[BorrowedFd<'_>],
    ) {
        if others.is_empty() || rest >= time {
            self.poll(signals, time, &[]);
        } else if !self.poll(signals, rest, &[]) && self.poll(signals, time - rest, others) {
            self.poll(signals, SETTLE, &[]);
        }
    }

    /// Whether something came within the time.
    fn poll(&mut self, signals: &Signals, time: Duration, others: &[BorrowedFd<'_>]) -> bool {
        let signal = signals.descriptor();
        let mut fds: Vec<PollFd<'_>> = vec![PollFd::new(&signal, PollFlags::IN)];
        let own = self.waking.iter().map(|(_, fd)| fd.as_fd()).chain(others.iter().copied());
        fds.extend(own.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let time = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        // An interrupted wait counts as ended, because the signal is looked at next.
        let polled = poll(&mut fds, Some(&time));
        let woken = polled.is_ok();
        let ended: Vec<bool> =
            fds[1..=self.waking.len()].iter().map(|fd| woken && !fd.revents().is_empty()).collect();
        self.remove(&ended);
        polled.map_or(true, |count| count > 0)
    }

    /// Removes those of the waking members that have ended.
    fn remove(&mut self, ended: &[bool]) {
        let mut ended = ended.iter();
        let Self { members, waking, looked, .. } = self;
        waking.retain(|(pid, _)| {
            let has_ended = *ended.next().unwrap_or(&false);
            if has_ended {
                members.remove(pid);
                *looked = None;
            }
            !has_ended
        });
    }

    /// Follows births: a child of a member is a member. The command's end may be noticed before the births of its last
    /// children.
    pub(crate) fn follow(&mut self, record: &SideBand) {
        if let SideBandKind::Fork { parent_pid, .. } = record.kind
            && parent_pid != record.pid
            && (self.members.contains(&parent_pid) || self.command == Some(parent_pid))
        {
            self.members.insert(record.pid);
        }
    }

    /// Whether all watched processes have ended, or the command has. False if none was watched.
    pub(crate) fn all_gone(&mut self, watched: bool) -> bool {
        watched && {
            self.look();
            match self.command {
                Some(pid) => !self.members.contains(&pid),
                None => self.members.is_empty(),
            }
        }
    }

    /// Removes the members that have ended, unless they were just checked.
    fn look(&mut self) {
        let soon = self.looked.is_some_and(|looked| looked.elapsed() < LOOK);
        if self.members.len() <= FEW || !soon {
            self.forget_ended();
        }
    }

    /// Removes the members that have ended.
    pub(crate) fn forget_ended(&mut self) {
        let mut fds: Vec<PollFd<'_>> =
            self.waking.iter().map(|(_, fd)| PollFd::new(fd, PollFlags::IN)).collect();
        let polled = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok();
        let ended: Vec<bool> = fds.iter().map(|fd| polled && !fd.revents().is_empty()).collect();
        self.remove(&ended);
        self.looked = Some(Instant::now());
        let waking: HashSet<u32> = self.waking.iter().map(|(pid, _)| *pid).collect();
        let lives = |pid: u32| proc::status(pid).is_some_and(|status| !status.zombie);
        self.members.retain(|pid| waking.contains(pid) || lives(*pid));
    }

    /// The members that are alive, or were at the last check.
    pub(crate) fn members(&self) -> impl Iterator<Item = u32> {
        self.members.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn fork(parent: u32, child: u32) -> SideBand {
        let kind = SideBandKind::Fork { parent_pid: parent, parent_tid: parent };
        SideBand { time: 0, pid: child, tid: child, kind }
    }

    #[test]
    fn children_of_members_are_members() {
        let mut watch = Watch::new(&[10]);
        watch.follow(&fork(10, 11));
        watch.follow(&fork(11, 12));
        watch.follow(&fork(99, 100));
        let mut members: Vec<u32> = watch.members().collect();
        members.sort_unstable();
        assert_eq!(members, [10, 11, 12]);
    }

    #[test]
    fn a_command_is_over_when_it_ends_itself() {
        let mut child = Command::new("true").spawn().unwrap();
        let own = std::process::id();
        let mut watch = Watch::new(&[child.id()]).until(Some(child.id()));
        watch.follow(&fork(child.id(), own));
        child.wait().unwrap();
        assert!(watch.all_gone(true), "what it left behind lives");
        watch.follow(&fork(child.id(), 1));
        assert!(watch.members().any(|pid| pid == 1), "a child that was born late");
        let mut watch = Watch::new(&[own]).until(Some(own));
        assert!(!watch.all_gone(true));
    }

    #[test]
    fn a_process_lives_until_its_last_thread_ends() {
        let script = "import ctypes, threading, time\n\
            threading.Thread(target=time.sleep, args=(60,)).start()\n\
            ctypes.CDLL(None).pthread_exit(None)";
        let mut child = Command::new("python3").args(["-c", script]).spawn().unwrap();
        let mut watch = Watch::new(&[child.id()]).until(Some(child.id()));
        let path = format!("/proc/{}/status", child.id());
        while proc::text(&path).is_ok_and(|status| !status.contains("(zombie)")) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(proc::status(child.id()).is_some_and(|status| !status.zombie));
        assert!(!watch.all_gone(true), "its main thread has ended, another has not");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(watch.all_gone(true));
    }

    #[test]
    fn many_processes_are_looked_at_when_one_ends() {
        let mut children: Vec<_> =
            (0..=FEW).map(|_| Command::new("sleep").arg("60").spawn().unwrap()).collect();
        let pids: Vec<u32> = children.iter().map(std::process::Child::id).collect();
        let mut watch = Watch::new(&pids);
        assert!(!watch.all_gone(true));
        let looked = watch.looked.unwrap();
        assert!(!watch.all_gone(true));
        assert!(watch.looked == Some(looked) || looked.elapsed() >= LOOK, "looked again at once");
        children.iter_mut().for_each(|child| child.kill().unwrap());
        let signals = Signals::install().unwrap();
        while !watch.waking.is_empty() {
            watch.wait(&signals, Duration::from_secs(30), Duration::ZERO, &[]);
        }
        assert!(watch.all_gone(true), "all have ended");
        children.iter_mut().for_each(|child| drop(child.wait()));
    }

    #[test]
    fn the_end_of_the_last_process_is_seen() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut watch = Watch::new(&[child.id()]);
        assert!(!watch.all_gone(true));
        child.kill().unwrap();
        let signals = Signals::install().unwrap();
        watch.wait(&signals, Duration::from_secs(30), Duration::ZERO, &[]);
        assert!(watch.all_gone(true), "a zombie is gone");
        child.wait().unwrap();
        assert!(!Watch::new(&[]).all_gone(false), "the machine does not end");
    }
}

//! The process that looks into foreign file systems, as bpflame sees it.

use super::message::{Asked, Reply};
use crate::reason::Reason;
use crate::stream::Stream;
use prost::Message;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::{Duration, Instant};

/// Starts such a process. It runs `serve::run` on the other end of the socket.
pub type Start = fn() -> io::Result<(Child, UnixStream)>;

/// The time after which a look is late.
const LATE: Duration = Duration::from_millis(100);

/// What such a process may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The time for one look.
    pub(super) one: Duration,
    /// The time for all that are late.
    pub(super) all: Duration,
    /// The most processes that are started.
    pub(super) starts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { one: Duration::from_secs(1), all: Duration::from_secs(4), starts: 8 }
    }
}

/// The process, if there is one.
#[derive(Debug, Default)]
pub(super) struct Onlooker {
    limits: Limits,
    running: Option<(Child, Stream)>,
    pub(super) started: u32,
    /// The time that was spent waiting for answers that were late or did not come.
    spent: Duration,
    /// CPU nanoseconds of the running process, and of those before it.
    cpu_time: [u64; 2],
}

impl Onlooker {
    /// An onlooker with these limits.
    pub(super) fn within(limits: Limits) -> Self {
        let mut onlooker = Self::default();
        onlooker.limits = limits;
        onlooker
    }

    /// Asks, with a descriptor beside the question. A process that fails or is silent is left behind.
    pub(super) fn ask(
        &mut self,
        start: Start,
        asked: &Asked,
        beside: Option<BorrowedFd<'_>>,
    ) -> Result<(Reply, Option<OwnedFd>), Reason> {
        let begun = Instant::now();
        let time = self.limits.one.min(self.limits.all.saturating_sub(self.spent));
        let replied = self.exchange(start, asked, beside, begun + time);
        let took = begun.elapsed();
        self.spent += if took > LATE { took } else { Duration::ZERO };
        let Some((reply, found)) = replied else {
            self.leave_behind();
            return Err(Reason::FileSystem);
        };
        self.cpu_time[0] = self.cpu_time[0].max(reply.cpu_time);
        match reply.reason() {
            Some(reason) => Err(reason),
            None => Ok((reply, found)),
        }
    }

    /// CPU nanoseconds of all these processes, as far as they said.
    pub(super) fn cpu_time(&self) -> u64 {
        self.cpu_time.iter().sum()
    }

    fn exchange(
        &mut self,
        start: Start,
        asked: &Asked,
        beside: Option<BorrowedFd<'_>>,
        end: Instant,
    ) -> Option<(Reply, Option<OwnedFd>)> {
        if self.running.is_none() {
            if self.started >= self.limits.starts || Instant::now() >= end {
                return None;
            }
            self.started += 1;
            let (child, socket) = start().ok()?;
            self.running = Some((child, Stream::new(socket)));
        }
        let (_, stream) = self.running.as_mut()?;
        stream.end = Some(end);
        stream.send(&asked.encode_to_vec(), beside).ok()?;
        let (message, found) = stream.receive().ok()??;
        Some((Reply::decode(&message[..]).ok()?, found))
    }

    /// Ends the process, and does not wait for its end, which may never come.
    fn leave_behind(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            let [running, before] = self.cpu_time;
            self.cpu_time = [0, running + before];
            // If it has ended, there is nothing to do.
            child.kill().ok();
        }
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.leave_behind();
    }
}

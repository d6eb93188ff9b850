//! Perf maps: `/tmp/perf-PID.map` below the process's root, opened while the process lives.

use crate::foreign::Looked;
use crate::place::{Jit, Reason};
use crate::process::proc::source::Source;
use crate::process::proc::task::Status;
use crate::runtime::Runtime;
use crate::warning::Spoilt;
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::path::Path;

/// The largest map that is accepted, in bytes.
const MOST_BYTES: i64 = 256 << 20;
const FIRST_WAIT: u64 = 200_000_000;
const LONGEST_WAIT: u64 = 10_000_000_000;

/// The search for one process's perf map.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The perf map, or the reason why there is none.
    pub(crate) jit: Jit,
    status: Option<Status>,
    /// The time of the next look, nanoseconds of CLOCK_MONOTONIC.
    next: u64,
    wait: u64,
}

/// The beginning of a process as far as it is known: its start in nanoseconds of CLOCK_BOOTTIME, its last fork or exec
/// in nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Began {
    /// Its start in CLOCK_BOOTTIME.
    pub(crate) start: Option<u64>,
    /// Its last fork or exec in CLOCK_MONOTONIC.
    pub(crate) image: Option<u64>,
}

impl Watch {
    /// A search that has not looked yet.
    pub(crate) fn new(pid: u32, runtime: Option<Runtime>) -> Self {
        let jit = Jit { pid, map: None, reason: Some(Reason::NoJitMap), runtime };
        Self { jit, status: None, next: 0, wait: FIRST_WAIT }
    }

    /// Whether a look at `now` is worth it.
    pub(crate) fn due(&self, now: u64) -> bool {
        self.open() && now >= self.next
    }

    /// Whether a map may still be found.
    pub(crate) fn open(&self) -> bool {
        self.jit.map.is_none() && self.jit.reason != Some(Reason::JitMapRefused)
    }

    /// Looks for the map, and waits longer for the next look if there is none.
    pub(crate) fn look(
        &mut self,
        now: u64,
        began: Began,
        source: &mut Source<'_>,
        spoilt: &mut Spoilt,
    ) {
        self.next = now.saturating_add(self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        if self.status.is_none() {
            self.status = source.task().and_then(|task| task.status().ok());
        }
        let Some(status) = self.status else { return };
        let name = format!("/tmp/perf-{}.map", status.namespace_pid);
        let Some(found) = source.open_regular(Path::new(&name)) else { return };
        match found
            .map_err(refusal)
            .and_then(|(file, looked)| accept(file, &looked, status.user, began))
        {
            Ok(map) => {
                self.jit.map = Some(map);
                self.jit.reason = None;
            }
            Err(Some(what)) => {
                spoilt.add(self.jit.pid, name.as_bytes(), what);
                self.jit.reason = Some(Reason::JitMapRefused);
            }
            Err(None) => {}
        }
    }
}

/// The reason why a file is not accepted as a perf map, for the warning; `None`: there is no file (yet).
fn refusal(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::FileRefused => Some("refused: not a regular file"),
        Reason::NotPermitted => Some("may not be read"),
        Reason::FileSystem => Some("is on a file system that does not answer"),
        _ => None,
    }
}

fn accept(
    file: File,
    looked: &Looked,
    user: u32,
    began: Began,
) -> Result<File, Option<&'static str>> {
    if looked.user != user && looked.user != 0 {
        Err(Some("refused: its owner is not the user of the process"))
    } else if looked.size > MOST_BYTES {
        Err(Some("refused: larger than 256 MiB"))
    } else if older(looked, began) {
        // An earlier process with the same pid left this file. The process's own may still come.
        Err(None)
    } else {
        Ok(file)
    }
}

/// Whether the last write of the file was before the process began.
fn older(looked: &Looked, began: Began) -> bool {
    let now = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    let wall = now(ClockId::Realtime);
    let start = began.start.map(|start| wall - now(ClockId::Boottime) + i128::from(start));
    let image = began.image.map(|image| wall - now(ClockId::Monotonic) + i128::from(image));
    let written = i128::from(looked.modified.0) * 1_000_000_000 + i128::from(looked.modified.1);
    const SLACK: i128 = 100_000_000;
    start.max(image).is_some_and(|began| written + SLACK < began)
}

//! Perf maps: `/tmp/perf-PID.map` below the process's root, opened while the process lives. Without one, its jitdump: a file that it has
//! mapped executable to show where it is.

use crate::foreign::Looked;
use crate::place::{Jit, Reason};
use crate::process::proc::source::Source;
use crate::process::proc::task::Status;
use crate::runtime::Runtime;
use crate::warning::Spoilt;
use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The largest map that is accepted, and the largest jitdump, which has the code as well: in bytes.
const MOST_BYTES: i64 = 256 << 20;
const MOST_DUMPED: i64 = 16 << 30;
const FIRST_WAIT: u64 = 200_000_000;
const LONGEST_WAIT: u64 = 10_000_000_000;

/// The search for one process's perf map.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The perf map, or the reason why there is none.
    pub(crate) jit: Jit,
    /// The path of its jitdump, if it has mapped one.
    pub(crate) dump: Option<Box<[u8]>>,
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
        Self { jit, dump: None, status: None, next: 0, wait: FIRST_WAIT }
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
        let map = format!("/tmp/perf-{}.map", status.namespace_pid).into_bytes();
        let dump = self.dump.as_deref().map(|dump| (dump, MOST_DUMPED));
        for (name, most) in [(&map[..], MOST_BYTES)].into_iter().chain(dump) {
            let path = Path::new(OsStr::from_bytes(name));
            let Some(found) = source.open_regular(path) else { continue };
            match found
                .map_err(refusal)
                .and_then(|(file, looked)| accept(file, &looked, (status.user, most), began))
            {
                Ok(map) => {
                    self.jit.map = Some(map);
                    self.jit.reason = None;
                    return;
                }
                Err(Some(what)) => {
                    spoilt.add(self.jit.pid, name, what);
                    self.jit.reason = Some(Reason::JitMapRefused);
                }
                Err(None) => {}
            }
        }
    }
}

/// Whether a mapped file is a jitdump, by its name: `jit-PID.dump`.
pub(crate) fn is_dump(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let number = name.strip_prefix(b"jit-").and_then(|name| name.strip_suffix(b".dump"));
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
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
    (user, most): (u32, i64),
    began: Began,
) -> Result<File, Option<&'static str>> {
    if looked.user != user && looked.user != 0 {
        Err(Some("refused: its owner is not the user of the process"))
    } else if looked.size > most {
        Err(Some(if most == MOST_BYTES {
            "refused: larger than 256 MiB"
        } else {
            "refused: larger than 16 GiB"
        }))
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

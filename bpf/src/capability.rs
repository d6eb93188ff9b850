//! The capabilities of this process, to name the ones that it lacks.

use crate::Error;
use std::io;

const SYS_ADMIN: u32 = 21;
const NEEDED: [(u32, &str); 2] = [(38, "CAP_PERFMON"), (39, "CAP_BPF")];

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// The effective capabilities as bits.
fn effective() -> u64 {
    let mut header = Header { version: 0x2008_0522, pid: 0 };
    let mut halves = [Half::default(); 2];
    // SAFETY: version 3 of the call fills two halves, and two are passed.
    let answer = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) };
    if answer < 0 {
        0
    } else {
        u64::from(halves[0].effective) | u64::from(halves[1].effective) << 32
    }
}

/// The needed capabilities that this process lacks.
pub(crate) fn missing() -> Vec<&'static str> {
    if administers() {
        return Vec::new();
    }
    let have = effective();
    NEEDED.iter().filter(|(bit, _)| have >> bit & 1 == 0).map(|(_, name)| *name).collect()
}

/// The error of a refused step, with the missing capabilities if a permission was lacking.
pub(crate) fn refused(step: &'static str, source: io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Error::Permission { step, missing: missing(), source },
        _ => Error::Failed { step, source },
    }
}

/// Whether this process may administer the system.
pub(crate) fn administers() -> bool {
    effective() >> SYS_ADMIN & 1 == 1
}

/// The error of a ring that could not be mapped: its memory is locked, and counts against a limit.
pub(crate) fn locked_memory(source: io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::ENOMEM) => Error::Permission {
            step: "locking memory for perf rings beyond kernel.perf_event_mlock_kb",
            missing: vec!["CAP_IPC_LOCK"],
            source,
        },
        _ => Error::Failed { step: "mapping a perf ring", source },
    }
}

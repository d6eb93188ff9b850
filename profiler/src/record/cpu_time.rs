//! CPU time as the kernel counts it, for comparison with the samples.
//!
//! For processes (`family`), it is the run time of their threads (`schedstat`, nanoseconds) or the process's `stat` (ticks), whichever
//! is more: only `stat` includes threads that have ended. The time of children that were born and reaped during the recording is added;
//! their parent's `stat` has it. The time that a process ran after its last reading is unknown.
//!
//! For the machine (`machine`), it is the elapsed time minus the time in which the CPUs were idle, waited for a disk or ran another
//! virtual machine. The kernel measures these to the microsecond and shows them in ticks, with an error of at most one tick per CPU. The
//! ticks of busy time are themselves sampled, so they are not used. `/proc/schedstat` is missing in many kernels, and includes a run
//! only after its end. Interrupts of idle CPUs count as busy.

mod family;
mod machine;

use crate::host::proc;
use family::{Family, first_number};
use machine::Away;
use std::collections::HashMap;

/// The most processes or threads that are read again each second during a recording.
const MAX_AGAIN: usize = 64;
/// The most that are read again at each drain, and the most threads of a process.
const FEW: usize = 8;

/// A recording's CPU time, as accounted by the kernel.
#[derive(Debug)]
pub(crate) enum CpuTime {
    /// It is unknown, as for processes on chosen CPUs.
    Unknown,
    /// The machine's CPU time.
    Machine {
        /// The reading at the beginning.
        since: Option<Away>,
        /// The CPUs; `None`: all.
        cpus: Option<Vec<u32>>,
        /// Whether bpflame's own CPU time is counted.
        with_own: bool,
    },
    /// Threads: the nanoseconds at the first and at the last reading.
    Threads(HashMap<u32, (u64, u64)>),
    /// Processes and their children.
    Processes(Family),
}

impl CpuTime {
    /// Begins with a reading now.
    pub(crate) fn begin(target: &bpf::Target, cpus: Option<&[u32]>, with_own: bool) -> Self {
        match target {
            bpf::Target::Machine => Self::Machine {
                since: Away::now(cpus, with_own),
                cpus: cpus.map(<[u32]>::to_vec),
                with_own,
            },
            _ if cpus.is_some() => Self::Unknown,
            bpf::Target::Threads(tids) => {
                let reading = |tid: &u32| (*tid, (thread(*tid), 0));
                Self::Threads(tids.iter().map(reading).collect())
            }
            bpf::Target::Processes(pids) => Self::Processes(Family::begin(pids)),
        }
    }

    /// Reads the processes and threads again, because they may end before the recording does. Many are read only with
    /// `all`.
    pub(crate) fn again(&mut self, all: bool) {
        let most = if all { MAX_AGAIN } else { FEW };
        match self {
            Self::Processes(family) => family.again(most, most),
            Self::Threads(readings) if readings.len() <= most => read_again(readings),
            _ => {}
        }
    }

    /// Begins again, with the processes that live now as the target.
    pub(crate) fn begin_again(&mut self, members: impl Iterator<Item = u32>) {
        match self {
            Self::Unknown => {}
            Self::Machine { since, cpus, with_own } => {
                *since = Away::now(cpus.as_deref(), *with_own);
            }
            Self::Threads(readings) => {
                readings.values_mut().for_each(|(first, last)| *first = (*first).max(*last));
            }
            Self::Processes(family) => *family = Family::begin(&members.collect::<Vec<u32>>()),
        }
    }

    /// The nanoseconds since the beginning. `members` are the processes that live now.
    pub(crate) fn end(&mut self, members: impl Iterator<Item = u32>) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::Machine { since, cpus, with_own } => {
                (*since)?.busy(Away::now(cpus.as_deref(), *with_own)?)
            }
            Self::Threads(readings) => {
                read_again(readings);
                Some(readings.values().map(|(first, last)| last.saturating_sub(*first)).sum())
            }
            Self::Processes(family) => Some(family.end(members)),
        }
    }
}

fn read_again(readings: &mut HashMap<u32, (u64, u64)>) {
    for (tid, (_, last)) in readings {
        *last = (*last).max(thread(*tid));
    }
}

/// A thread's run time.
fn thread(tid: u32) -> u64 {
    proc::text(format!("/proc/{tid}/schedstat"))
        .ok()
        .and_then(|text| first_number(&text))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock::monotonic;

    #[test]
    fn this_machine_runs() {
        let mut time = CpuTime::begin(&bpf::Target::Machine, None, true);
        let begin = monotonic();
        while monotonic() < begin + 1_000_000_000 {}
        // A second of load on a machine with many CPUs can be too little to tell.
        let cpus = match &time {
            CpuTime::Machine { since: Some(away), .. } => away.cpus,
            other => panic!("{other:?}"),
        };
        let busy = time.end(std::iter::empty());
        assert!(cpus > 4 || busy.is_some_and(|busy| busy > 0), "{busy:?} of {cpus} CPUs");
    }
}

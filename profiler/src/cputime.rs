//! CPU time as the kernel accounts it, to hold the samples' against.
//!
//! For processes: the run time of their threads (`schedstat`, nanoseconds) or, where threads have ended and
//! their time is known to the process alone, its `stat` (ticks), whichever is more; and the time of children
//! that were born and reaped during the recording, which their parent's `stat` has. What a process ran after
//! its last reading is not known.
//!
//! For the machine: the time that has passed less that in which the CPUs were idle, waited for a disk or were
//! another virtual machine's. The kernel measures that to the microsecond and shows it in ticks, one at most
//! lost a CPU; the ticks of what ran are sampled themselves, and `/proc/schedstat` is missing in many kernels
//! and knows of a task's run only when it is over. Interrupts of idle CPUs count as busy.

use crate::config::Config;
use crate::{proc, stats};
use std::collections::HashMap;

/// The most processes, and threads of each, that are read again during a recording.
const MAX_AGAIN: usize = 64;
/// The least time of the machine's CPUs that is told, in ticks of each.
const MIN_ROUNDED: u64 = 5;

/// A recording's CPU time, as accounted by the kernel.
#[derive(Debug)]
pub(crate) enum CpuTime {
    /// It can't be told, as with a choice of CPUs for processes.
    Unknown,
    /// The machine's.
    Machine {
        /// Since this reading.
        since: Option<Away>,
        /// On these CPUs; none: on all.
        cpus: Option<Vec<u32>>,
        /// Whether bpflame's own is counted.
        with_own: bool,
    },
    /// Of these threads, since these readings.
    Threads(HashMap<u32, Reading>),
    /// Of these processes and what they start, since these readings.
    Processes(HashMap<u32, Reading>),
}

/// Nanoseconds, first and last read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    first: u64,
    last: u64,
    /// Whether what reaped children took is the recording's.
    with_children: bool,
}

impl CpuTime {
    /// Begins now.
    pub(crate) fn begin(config: &Config, target: &bpf::Target) -> Self {
        match config.replay {
            Some(_) => Self::Unknown,
            None => Self::of(target, config.cpus.as_deref(), config.include_self),
        }
    }

    fn of(target: &bpf::Target, cpus: Option<&[u32]>, with_own: bool) -> Self {
        match target {
            bpf::Target::Machine => Self::Machine {
                since: Away::now(cpus, with_own),
                cpus: cpus.map(<[u32]>::to_vec),
                with_own,
            },
            _ if cpus.is_some() => Self::Unknown,
            bpf::Target::Threads(tids) => {
                Self::Threads(tids.iter().map(|tid| (*tid, thread_reading(*tid))).collect())
            }
            bpf::Target::Processes(pids) => {
                Self::Processes(pids.iter().map(|pid| (*pid, process_reading(*pid))).collect())
            }
        }
    }

    /// Reads those again that may end before the recording does.
    pub(crate) fn again(&mut self) {
        match self {
            Self::Processes(readings) if readings.len() <= MAX_AGAIN => {
                for (pid, reading) in readings {
                    reading.last =
                        reading.last.max(process(*pid, reading.with_children, MAX_AGAIN));
                }
            }
            Self::Threads(readings) if readings.len() <= MAX_AGAIN => {
                for (tid, reading) in readings {
                    reading.last = reading.last.max(thread(*tid));
                }
            }
            _ => {}
        }
    }

    /// Nanoseconds since the beginning; `members` are the processes that live now.
    pub(crate) fn end(&mut self, members: impl Iterator<Item = u32>) -> Option<u64> {
        self.again();
        match self {
            Self::Unknown => None,
            Self::Machine { since, cpus, with_own } => {
                (*since)?.busy(Away::now(cpus.as_deref(), *with_own)?)
            }
            Self::Threads(readings) => Some(total(readings)),
            Self::Processes(readings) => {
                let born = members.filter(|pid| !readings.contains_key(pid));
                let theirs: u64 = born.map(|pid| process(pid, true, usize::MAX)).sum();
                Some(total(readings) + theirs)
            }
        }
    }
}

fn total(readings: &HashMap<u32, Reading>) -> u64 {
    readings.values().map(|reading| reading.last.saturating_sub(reading.first)).sum()
}

fn thread_reading(tid: u32) -> Reading {
    let first = thread(tid);
    Reading { first, last: first, with_children: false }
}

fn process_reading(pid: u32) -> Reading {
    // Children that live already are not the recording's, and their whole life is added when they are reaped.
    let with_children = !has_children(pid);
    let first = process(pid, with_children, usize::MAX);
    Reading { first, last: first, with_children }
}

fn has_children(pid: u32) -> bool {
    proc::threads(pid).iter().any(|tid| {
        proc::read(format!("/proc/{pid}/task/{tid}/children"))
            .is_ok_and(|children| !children.is_empty())
    })
}

/// A thread's run time.
fn thread(tid: u32) -> u64 {
    proc::text(format!("/proc/{tid}/schedstat"))
        .ok()
        .and_then(|text| first_number(&text))
        .unwrap_or(0)
}

/// A process's run time, reading at most `max` threads one by one.
fn process(pid: u32, with_children: bool, max: usize) -> u64 {
    let threads = proc::threads(pid);
    let live: u64 = if threads.len() > max {
        0
    } else {
        let run = |tid: &u32| {
            first_number(&proc::text(format!("/proc/{pid}/task/{tid}/schedstat")).ok()?)
        };
        threads.iter().filter_map(run).sum()
    };
    let stat = proc::text(format!("/proc/{pid}/stat")).unwrap_or_default();
    let (own, children) = ticks(&stat).unwrap_or_default();
    let nanoseconds = tick_nanoseconds();
    live.max(own.saturating_mul(nanoseconds))
        + if with_children { children.saturating_mul(nanoseconds) } else { 0 }
}

fn first_number(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Ticks of the process's threads, ended ones included, and of its reaped children. The name in the second
/// field may hold anything, so counting begins behind its last bracket.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let fields: Vec<u64> = stat
        .rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .skip(11)
        .take(4)
        .flat_map(str::parse)
        .collect();
    let [user, system, children_user, children_system] = *fields.as_slice() else { return None };
    Some((user.checked_add(system)?, children_user.checked_add(children_system)?))
}

/// Where CPUs were when they ran no task, since they are up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Away {
    /// How many CPUs.
    cpus: u64,
    /// Nanoseconds that they were idle, waited or were another virtual machine's.
    away: u64,
    /// When that was so, CLOCK_MONOTONIC nanoseconds.
    at: u64,
    /// What bpflame itself ran, where its samples are left out.
    own: u64,
}

impl Away {
    /// Now; `None` where the kernel counts idle time in ticks, which a task that sleeps and wakes in step with
    /// them makes wrong by tens of per cent.
    fn now(cpus: Option<&[u32]>, with_own: bool) -> Option<Self> {
        let command_line = proc::text("/proc/cmdline").unwrap_or_default();
        if command_line.split_ascii_whitespace().any(|word| word == "nohz=off") {
            return None;
        }
        let (cpus, away) = away(&proc::long_text("/proc/stat").ok()?, cpus)?;
        let at = stats::monotonic();
        Some(Self { cpus, away, at, own: if with_own { 0 } else { stats::own_cpu_time() } })
    }

    /// Nanoseconds that the CPUs ran tasks between two readings; `None` where CPUs came or went, or where it is
    /// so little that the ticks in which `/proc/stat` rounds would show.
    fn busy(self, end: Self) -> Option<u64> {
        let elapsed = end.at.saturating_sub(self.at).saturating_mul(self.cpus);
        let not_theirs = end.away.saturating_sub(self.away) + end.own.saturating_sub(self.own);
        let busy = elapsed.saturating_sub(not_theirs);
        let rounded = self.cpus * tick_nanoseconds();
        (self.cpus == end.cpus && busy >= MIN_ROUNDED * rounded).then_some(busy)
    }
}

/// The chosen CPUs' number and the nanoseconds in which they ran no task, of their lines in `/proc/stat`: ticks
/// as user, nice, system, idle, waiting, interrupts (two), stolen. `None` where no CPU has a line.
fn away(stat: &str, cpus: Option<&[u32]>) -> Option<(u64, u64)> {
    let of_line = |line: &str| {
        let mut fields = line.strip_prefix("cpu")?.split(' ');
        let cpu: u32 = fields.next()?.parse().ok()?;
        let numbers: Vec<u64> = fields.flat_map(str::parse).collect();
        let [_, _, _, idle, waiting, _, _, stolen, ..] = *numbers.as_slice() else { return None };
        let away = idle.saturating_add(waiting).saturating_add(stolen);
        cpus.is_none_or(|cpus| cpus.contains(&cpu)).then_some(away)
    };
    let list: Vec<u64> = stat.lines().filter_map(of_line).collect();
    let ticks = list.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
    let cpus = u64::try_from(list.len()).ok().filter(|cpus| *cpus > 0)?;
    Some((cpus, ticks.saturating_mul(tick_nanoseconds())))
}

fn tick_nanoseconds() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_a_hostile_name() {
        let stat = "7 (a) b (c)) R 1 7 7 0 -1 4194560 1 2 3 4 500 60 7000 800 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), Some((560, 7800)));
        assert_eq!(ticks("7 (a"), None);
        assert_eq!(ticks("7 (a) R 1"), None);
    }

    #[test]
    fn cpus_are_away_while_idle_waiting_or_stolen() {
        let text = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 400 500 6 7 800 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 5\n";
        assert_eq!(away(text, None), Some((2, 1703 * tick_nanoseconds())));
        assert_eq!(away(text, Some(&[0])), Some((1, 1700 * tick_nanoseconds())));
        assert_eq!(away(text, Some(&[7])), None);
        assert_eq!(away("cpu0 1 2 3\n", None), None);
    }

    #[test]
    fn the_machine_is_busy_when_its_cpus_are_not_away() {
        let second = 1_000_000_000;
        let begin = Away { cpus: 2, away: 100 * second, at: 50 * second, own: second };
        let end = Away { cpus: 2, away: 112 * second, at: 60 * second, own: 2 * second };
        // 20 seconds of CPUs, 12 away, 1 of bpflame's own.
        assert_eq!(begin.busy(end), Some(7 * second));
        assert_eq!(begin.busy(Away { cpus: 1, ..end }), None);
        assert_eq!(begin.busy(Away { away: 119 * second, ..end }), None, "rounding would show");
    }

    #[test]
    fn this_machine_runs() {
        let mut time = CpuTime::of(&bpf::Target::Machine, None, true);
        let begin = stats::monotonic();
        while stats::monotonic() < begin + 1_000_000_000 {}
        // What a machine with many CPUs makes of one second's load is too little to tell.
        let cpus = match &time {
            CpuTime::Machine { since: Some(away), .. } => away.cpus,
            other => panic!("{other:?}"),
        };
        let busy = time.end(std::iter::empty());
        assert!(cpus > 4 || busy.is_some_and(|busy| busy > 0), "{busy:?} of {cpus} CPUs");
    }

    #[test]
    fn this_process_runs() {
        let mut time = CpuTime::of(&bpf::Target::Processes(vec![std::process::id()]), None, true);
        let mut x = 1_u64;
        for i in 0..30_000_000_u64 {
            x = std::hint::black_box(x.wrapping_mul(i | 1));
        }
        assert!(time.end(std::iter::empty()).unwrap() > 1_000_000, "{x}");
    }
}

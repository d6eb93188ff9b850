//! CPU time as the kernel accounts it, to hold the samples' against.
//!
//! For processes: the run time of their threads (`schedstat`, nanoseconds) or, where threads have ended and
//! their time is known to the process alone, its `stat` (ticks), whichever is more; and the time of children
//! that were born and reaped during the recording, which their parent's `stat` has. What a process ran after
//! its last reading is not known. For the machine: the run time of all CPUs.

use crate::config::Config;
use crate::proc;
use std::collections::HashMap;

/// The most processes, and threads of each, that are read again during a recording.
const MAX_AGAIN: usize = 64;

/// A recording's CPU time, as accounted by the kernel.
#[derive(Debug)]
pub(crate) enum CpuTime {
    /// It can't be told, as with a choice of CPUs for processes.
    Unknown,
    /// The machine's, since this reading.
    Machine(Option<u64>, Option<Vec<u32>>),
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
            None => Self::of(target, config.cpus.as_deref()),
        }
    }

    fn of(target: &bpf::Target, cpus: Option<&[u32]>) -> Self {
        match target {
            bpf::Target::Machine => Self::Machine(machine(cpus), cpus.map(<[u32]>::to_vec)),
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
            Self::Machine(first, cpus) => Some(machine(cpus.as_deref())?.saturating_sub((*first)?)),
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

/// The run time of the CPUs: as the scheduler counts it, else from the ticks.
fn machine(cpus: Option<&[u32]>) -> Option<u64> {
    let scheduler = proc::long_text("/proc/schedstat").ok().and_then(|text| run_time(&text, cpus));
    scheduler.or_else(|| busy_time(&proc::long_text("/proc/stat").ok()?, cpus))
}

/// The seventh number of a CPU's line in `/proc/schedstat`: nanoseconds that tasks ran.
fn run_time(schedstat: &str, cpus: Option<&[u32]>) -> Option<u64> {
    sum_lines(schedstat, cpus, |numbers| numbers.get(6).copied())
}

/// The line of a CPU in `/proc/stat`: ticks as user, nice, system, idle, waiting, interrupts (two).
fn busy_time(stat: &str, cpus: Option<&[u32]>) -> Option<u64> {
    let ticks = sum_lines(stat, cpus, |numbers| match numbers {
        [user, nice, system, _idle, _waiting, hard, soft, ..] => {
            Some(user + nice + system + hard + soft)
        }
        _ => None,
    });
    Some(ticks?.saturating_mul(tick_nanoseconds()))
}

/// A figure of each chosen CPU's line, summed; `None` where no CPU has a line.
fn sum_lines(
    text: &str,
    cpus: Option<&[u32]>,
    figure: impl Fn(&[u64]) -> Option<u64>,
) -> Option<u64> {
    let of_line = |line: &str| {
        let mut fields = line.strip_prefix("cpu")?.split(' ');
        let cpu: u32 = fields.next()?.parse().ok()?;
        let numbers: Vec<u64> = fields.flat_map(str::parse).collect();
        cpus.is_none_or(|cpus| cpus.contains(&cpu)).then(|| figure(&numbers)).flatten()
    };
    let list: Vec<u64> = text.lines().filter_map(of_line).collect();
    (!list.is_empty()).then(|| list.iter().sum())
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
    fn the_machine_is_the_sum_of_the_chosen_cpus() {
        let text = "version 17\ntimestamp 9\ncpu0 1 2 3 4 5 6 700 8 9\ndomain0 MC 3 1 2 3 4 5 6 7\ncpu1 1 2 3 4 5 6 70 8 9\n";
        assert_eq!(run_time(text, None), Some(770));
        assert_eq!(run_time(text, Some(&[1])), Some(70));
        assert_eq!(run_time("version 17\n", None), None);
    }

    #[test]
    fn busy_time_leaves_idle_and_waiting_out() {
        let text = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 400 500 6 7 800 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 5\n";
        assert_eq!(busy_time(text, None), Some((19 + 5) * tick_nanoseconds()));
        assert_eq!(busy_time(text, Some(&[0])), Some(19 * tick_nanoseconds()));
    }

    #[test]
    fn this_process_runs() {
        let mut time = CpuTime::of(&bpf::Target::Processes(vec![std::process::id()]), None);
        let mut x = 1_u64;
        for i in 0..30_000_000_u64 {
            x = std::hint::black_box(x.wrapping_mul(i | 1));
        }
        assert!(time.end(std::iter::empty()).unwrap() > 1_000_000, "{x}");
    }
}

//! The CPU time of processes and their children: each one's own time, and that of reaped children.

use crate::host::clock::tick_nanoseconds;
use crate::host::proc;
use std::collections::HashMap;

/// The most threads of a process that are read one by one during a recording.
const MAX_THREADS: usize = 64;
/// The most children from before the recording that are read.
const MAX_STRANGERS: usize = 256;

/// The nanoseconds that a process ran, and those of the children that it reaped, with their own reaped children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    own: u64,
    children: u64,
}

impl Times {
    fn all(self) -> u64 {
        self.own.saturating_add(self.children)
    }
}

/// A process at its first and its last reading.
#[derive(Clone, Copy, Debug)]
struct Reading {
    first: Times,
    last: Times,
    parent: u32,
}

/// The processes of a recording, and their children from before it that are no target. When such a child is reaped, the
/// CPU time of its whole life is added to its parent.
#[derive(Debug, Default)]
pub(crate) struct Family {
    targets: HashMap<u32, Reading>,
    strangers: HashMap<u32, Reading>,
}

impl Family {
    /// Reads the target's processes now.
    pub(super) fn begin(pids: &[u32]) -> Self {
        let mut family = Self::default();
        for &pid in pids {
            let first = times(pid, usize::MAX).unwrap_or_default();
            let parent = proc::status(pid).map_or(0, |status| status.parent);
            family.targets.insert(pid, Reading { first, last: first, parent });
        }
        let mut parents = pids.to_vec();
        while let Some(parent) = parents.pop() {
            for pid in children(parent) {
                let known =
                    family.targets.contains_key(&pid) || family.strangers.contains_key(&pid);
                if known || family.strangers.len() == MAX_STRANGERS {
                    continue;
                }
                let first = times(pid, MAX_THREADS).unwrap_or_default();
                family.strangers.insert(pid, Reading { first, last: first, parent });
                parents.push(pid);
            }
        }
        family
    }

    /// Reads the processes again, because they may end before the recording does; not if there are more than `most` processes. Of
    /// processes with more than `threads` threads, the time is that of `stat`.
    pub(super) fn again(&mut self, most: usize, threads: usize) {
        if self.targets.len() + self.strangers.len() <= most {
            self.read(threads.min(MAX_THREADS));
        }
    }

    /// Reads the processes. Returns those that have ended.
    fn read(&mut self, max: usize) -> Vec<u32> {
        let mut gone = Vec::new();
        for (&pid, reading) in self.targets.iter_mut().chain(&mut self.strangers) {
            match times(pid, max) {
                Some(now) => {
                    reading.last.own = reading.last.own.max(now.own);
                    reading.last.children = reading.last.children.max(now.children);
                }
                None => gone.push(pid),
            }
        }
        gone
    }

    /// The nanoseconds since the beginning. `members` are the processes that live now.
    pub(super) fn end(&mut self, members: impl Iterator<Item = u32>) -> u64 {
        let gone = self.read(usize::MAX);
        let born = members.filter(|pid| !self.targets.contains_key(pid));
        let born: u64 = born.filter_map(|pid| Some(times(pid, usize::MAX)?.all())).sum();
        self.total(&gone).saturating_add(born)
    }

    /// The CPU time of the initial processes and their reaped children.
    fn total(&self, gone: &[u32]) -> u64 {
        // The processes whose time is already in the last reading of their parent.
        let reaped = |pid: &u32, reading: &Reading| {
            gone.contains(pid)
                && !gone.contains(&reading.parent)
                && self.targets.contains_key(&reading.parent)
        };
        let (mut more, mut less) = (0_u64, 0_u64);
        for (pid, reading) in &self.targets {
            if reaped(pid, reading) {
                less = less.saturating_add(reading.first.all());
            } else {
                more = more.saturating_add(reading.last.all().saturating_sub(reading.first.all()));
            }
        }
        for (pid, reading) in &self.strangers {
            if reaped(pid, reading) {
                less = less.saturating_add(self.life(*pid, *reading, MAX_STRANGERS));
            }
        }
        more.saturating_sub(less)
    }

    /// The CPU time of a child from before the recording, as far as it was read, with that of its own such children.
    fn life(&self, pid: u32, reading: Reading, depth: usize) -> u64 {
        if depth == 0 {
            return reading.last.all();
        }
        let children = self.strangers.iter().filter(|(_, child)| child.parent == pid);
        let children: u64 = children.map(|(id, child)| self.life(*id, *child, depth - 1)).sum();
        reading.last.own.saturating_add(reading.last.children.max(children))
    }
}

/// The children of a process that live or wait to be reaped.
fn children(pid: u32) -> Vec<u32> {
    let of_thread = |tid: u32| {
        let text = proc::text(format!("/proc/{pid}/task/{tid}/children")).unwrap_or_default();
        text.split_ascii_whitespace().flat_map(str::parse).collect::<Vec<u32>>()
    };
    proc::threads(pid).into_iter().flat_map(of_thread).collect()
}

/// The times of a process. At most `max` threads are read one by one. `None` if the process has ended.
fn times(pid: u32, max: usize) -> Option<Times> {
    let (ticks, threads) = fields(&proc::text(format!("/proc/{pid}/stat")).ok()?)?;
    let run =
        |tid: &u32| first_number(&proc::text(format!("/proc/{pid}/task/{tid}/schedstat")).ok()?);
    // A list of many threads costs more than all the rest.
    let read = if threads > max { Vec::new() } else { proc::threads(pid) };
    let live = read.iter().filter_map(run).sum();
    Some(in_nanoseconds(ticks, live, tick_nanoseconds()))
}

/// Converts the ticks of a process (user, system), and those of its reaped children (user, system). Ticks include
/// threads that have ended; `live` are the nanoseconds of living threads. Ticks are rounded down, so half a tick is
/// added if there are any.
fn in_nanoseconds(fields: [u64; 4], live: u64, tick: u64) -> Times {
    let whole = |ticks: u64| ticks.saturating_mul(tick);
    let rounded = |ticks: u64| if ticks > 0 { whole(ticks).saturating_add(tick / 2) } else { 0 };
    let [user, system, children_user, children_system] = fields;
    Times {
        own: live.max(whole(user).saturating_add(whole(system))),
        children: rounded(children_user).saturating_add(rounded(children_system)),
    }
}

/// The ticks in a process's `stat`, and its number of threads. The name in the second field may contain anything, so the fields are
/// counted from behind its last bracket.
fn fields(stat: &str) -> Option<([u64; 4], usize)> {
    let rest = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let fields: Vec<&str> = rest.skip(11).take(7).collect();
    // Between them are two that may be negative.
    let ticks: Vec<u64> = fields.iter().take(4).flat_map(|field| field.parse()).collect();
    Some((ticks.try_into().ok()?, fields.get(6)?.parse().ok()?))
}

/// The first number of a text.
pub(super) fn first_number(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_a_hostile_name() {
        let stat = "7 (a) b (c)) R 1 7 7 0 -1 4194560 1 2 3 4 500 60 7000 800 -2 -5 21 0 5 6 7";
        assert_eq!(fields(stat), Some(([500, 60, 7000, 800], 21)));
        assert_eq!(fields("7 (a"), None);
        assert_eq!(fields("7 (a) R 1"), None);
    }

    #[test]
    fn ticks_are_rounded_down_by_half_a_tick() {
        let times = in_nanoseconds([3, 4, 0, 2], 75, 10);
        assert_eq!(times, Times { own: 75, children: 25 });
        assert_eq!(in_nanoseconds([3, 4, 0, 0], 60, 10), Times { own: 70, children: 0 });
    }

    fn reading(first: (u64, u64), last: (u64, u64), parent: u32) -> Reading {
        let times = |(own, children)| Times { own, children };
        Reading { first: times(first), last: times(last), parent }
    }

    #[test]
    fn children_from_before_the_recording_are_not_its_own() {
        let mut family = Family::default();
        // A shell reaped 500 before, and 1300 since. Among them is the whole life of 300 of a child from before the
        // recording.
        family.targets.insert(1, reading((10, 500), (20, 1800), 0));
        family.strangers.insert(2, reading((100, 0), (180, 120), 1));
        assert_eq!(family.total(&[2]), 10 + 1300 - 300);
        assert_eq!(family.total(&[]), 10 + 1300, "one that lives was not reaped");
    }

    #[test]
    fn a_stranger_s_children_are_taken_away_once() {
        let mut family = Family::default();
        family.targets.insert(1, reading((0, 0), (0, 1000), 9));
        family.strangers.insert(2, reading((5, 0), (10, 0), 1));
        family.strangers.insert(3, reading((50, 0), (90, 0), 2));
        assert_eq!(family.total(&[2, 3]), 900);
        // The parent reaped it before the parent's last reading.
        family.strangers.insert(2, reading((5, 0), (10, 95), 1));
        assert_eq!(family.total(&[2, 3]), 1000 - 105);
    }

    #[test]
    fn a_target_reaped_by_another_is_counted_once() {
        let mut family = Family::default();
        family.targets.insert(1, reading((0, 0), (0, 700), 9));
        family.targets.insert(2, reading((200, 0), (650, 0), 1));
        assert_eq!(family.total(&[2]), 500, "700 by its parent, 200 before the recording");
        assert_eq!(family.total(&[1, 2]), 700 + 450, "a parent that is gone has no later reading");
    }

    #[test]
    fn this_process_runs() {
        let own = std::process::id();
        let mut family = Family::begin(&[own]);
        let mut x = 1_u64;
        for i in 0..30_000_000_u64 {
            x = std::hint::black_box(x.wrapping_mul(i | 1));
        }
        assert!(family.end(std::iter::empty()) > 1_000_000, "{x}");
        assert!(family.targets[&own].parent > 0);
    }
}

//! The busy time of the machine's CPUs.

use crate::host::clock::{monotonic, own_cpu_time, tick_nanoseconds};
use crate::host::proc;

/// The least busy time that is reported, in ticks per CPU.
const MIN_ROUNDED: u64 = 5;

/// The time since boot in which the CPUs ran no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Away {
    /// The number of CPUs.
    pub(super) cpus: u64,
    /// The nanoseconds in which they were idle, waited for a disk or ran another virtual machine.
    away: u64,
    /// The time of the reading, CLOCK_MONOTONIC nanoseconds.
    at: u64,
    /// bpflame's own CPU time, if its samples are left out.
    own: u64,
}

impl Away {
    /// Reads the time now; `None` if the kernel counts idle time in ticks. Such counts are wrong by tens of per cent
    /// for a task that sleeps and wakes in step with the ticks.
    pub(super) fn now(cpus: Option<&[u32]>, with_own: bool) -> Option<Self> {
        let command_line = proc::text("/proc/cmdline").unwrap_or_default();
        if command_line.split_ascii_whitespace().any(|word| word == "nohz=off") {
            return None;
        }
        let (cpus, away) = away(&proc::long_text("/proc/stat").ok()?, cpus)?;
        let at = monotonic();
        Some(Self { cpus, away, at, own: if with_own { 0 } else { own_cpu_time() } })
    }

    /// The nanoseconds in which the CPUs ran tasks between two readings; `None` if a CPU came or went, or if the time
    /// is so short that the rounding of `/proc/stat` to ticks would show.
    pub(super) fn busy(self, end: Self) -> Option<u64> {
        let elapsed = end.at.saturating_sub(self.at).saturating_mul(self.cpus);
        let not_theirs = end.away.saturating_sub(self.away) + end.own.saturating_sub(self.own);
        let busy = elapsed.saturating_sub(not_theirs);
        let rounded = self.cpus * tick_nanoseconds();
        (self.cpus == end.cpus && busy >= MIN_ROUNDED * rounded).then_some(busy)
    }
}

/// The number of the chosen CPUs, and the nanoseconds in which they ran no task. A line of `/proc/stat` has ticks:
/// user, nice, system, idle, waiting, interrupts (two), stolen. `None` if no CPU has a line.
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

#[cfg(test)]
mod tests {
    use super::*;

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
        // 20 seconds on all CPUs, 12 of them without a task, 1 for bpflame itself.
        assert_eq!(begin.busy(end), Some(7 * second));
        assert_eq!(begin.busy(Away { cpus: 1, ..end }), None);
        assert_eq!(begin.busy(Away { away: 119 * second, ..end }), None, "rounding would show");
    }
}

//! The idle time of CPUs, from `/proc/stat`: a tick that an idle CPU slept through is not a lost sample.

use std::collections::BTreeMap;
use std::fs;

/// The unit in which `/proc/stat` rounds, in nanoseconds.
pub(crate) fn unit() -> u64 {
    // SAFETY: the call takes no pointer.
    let a_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    1_000_000_000 / u64::try_from(a_second).unwrap_or(100).max(1)
}

/// The nanoseconds in which each CPU was idle or waited for a disk since it came online. CPUs without a line are
/// missing.
pub(crate) fn times() -> BTreeMap<u32, u64> {
    let tick = unit();
    parse(&fs::read_to_string("/proc/stat").unwrap_or_default(), tick)
}

/// Lines `cpuN USER NICE SYSTEM IDLE WAITING …`, in ticks.
fn parse(stat: &str, tick: u64) -> BTreeMap<u32, u64> {
    let of_line = |line: &str| {
        let mut fields = line.strip_prefix("cpu")?.split(' ');
        let cpu = fields.next()?.parse().ok()?;
        let ticks: Vec<u64> = fields.skip(3).take(2).flat_map(str::parse).collect();
        let [idle, waiting] = *ticks.as_slice() else { return None };
        Some((cpu, idle.saturating_add(waiting).saturating_mul(tick)))
    };
    stat.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_is_idle_and_waiting() {
        let text = "cpu  9 9 9 9 9 9 9 9\ncpu0 1 2 3 400 50 6 7 8\ncpu11 0 0 0 7 0 0 0 0\ncpu2 1 2\nintr 5 6 7 8 9 9\n";
        assert_eq!(parse(text, 10), [(0, 4500), (11, 70)].into());
    }

    #[test]
    fn this_machine_tells_of_each_cpu() {
        assert!(times().contains_key(&super::super::cpus::online().unwrap()[0]));
    }
}

//! The sampling events of all CPUs, and how many ticks they should have given.

use super::idle;
use crate::events::perf::{PerfEvent, Trigger};
use std::collections::BTreeMap;

/// The sampling events.
#[derive(Debug)]
pub(crate) struct Ticks {
    trigger: Trigger,
    frequency: u32,
    /// Whether samples of the idle task are wanted.
    want_idle: bool,
    events: Vec<Ticking>,
    /// Ticks expected of CPUs that went offline.
    before: u64,
    /// Idle times at the end.
    ended: Option<BTreeMap<u32, u64>>,
}

/// A CPU's event.
#[derive(Debug)]
struct Ticking {
    cpu: u32,
    event: PerfEvent,
    /// The CPU's idle time when the event was enabled, in nanoseconds.
    idle: Option<u64>,
}

impl Ticks {
    pub(crate) fn new(trigger: Trigger, frequency: u32, want_idle: bool) -> Self {
        Self { trigger, frequency, want_idle, events: Vec::new(), before: 0, ended: None }
    }

    /// Adds an event that was just enabled.
    pub(crate) fn add(&mut self, cpu: u32, event: PerfEvent) {
        let idle = idle::times().get(&cpu).copied();
        self.events.push(Ticking { cpu, event, idle });
    }

    pub(crate) fn has(&self, cpu: u32) -> bool {
        self.events.iter().any(|ticking| ticking.cpu == cpu)
    }

    /// Closes the events of CPUs that are not in the list, and those that ended because theirs was away.
    pub(crate) fn keep(&mut self, online: &[u32]) {
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for mut ticking in self.events.drain(..) {
            let stays = ticking.event.went_on() && online.contains(&ticking.cpu);
            if stays { &mut kept } else { &mut gone }.push(ticking);
        }
        self.events = kept;
        self.before += gone.iter().map(|ticking| self.ticks(&ticking.event)).sum::<u64>();
    }

    pub(crate) fn disable(&mut self) {
        for ticking in &self.events {
            // An event whose CPU is gone is off already.
            let _ = ticking.event.disable();
        }
        self.ended = Some(idle::times());
    }

    /// Ticks that should have come so far: enabled time over the timer's period, on every CPU. Zero for `cycles`,
    /// which do not tick while a CPU idles.
    pub(crate) fn expected(&self) -> u64 {
        self.before + self.events.iter().map(|ticking| self.ticks(&ticking.event)).sum::<u64>()
    }

    /// Ticks that did not come, less those that idle CPUs slept through where the idle task is not sampled.
    pub(crate) fn missed(&self, runs: u64, idle_runs: u64) -> u64 {
        let expected = self.expected();
        if expected <= runs || self.want_idle {
            return expected.saturating_sub(runs);
        }
        missed(expected, runs, self.idle() / self.period(), idle_runs)
    }

    /// Nanoseconds that the CPUs were idle while their events were enabled, rounded up: what rounding hides is no lost
    /// sample.
    fn idle(&self) -> u64 {
        let now = self.ended.clone().unwrap_or_else(idle::times);
        let unit = idle::unit();
        let since = |ticking: &Ticking| {
            now.get(&ticking.cpu)?.checked_sub(ticking.idle?).map(|idle| idle + unit)
        };
        self.events.iter().filter_map(since).sum()
    }

    fn period(&self) -> u64 {
        (1_000_000_000 / u64::from(self.frequency.max(1))).max(1)
    }

    fn ticks(&self, event: &PerfEvent) -> u64 {
        match self.trigger {
            Trigger::Cycles => 0,
            Trigger::CpuClock => event.read().map_or(0, |r| r.enabled / self.period()),
        }
    }
}

/// Of the ticks expected, those that neither came nor fell into idle time.
fn missed(expected: u64, runs: u64, idle: u64, idle_runs: u64) -> u64 {
    let busy = expected.saturating_sub(idle);
    expected.saturating_sub(runs).min(busy.saturating_sub(runs.saturating_sub(idle_runs)))
}

#[cfg(test)]
mod tests {
    use super::missed;

    #[test]
    fn ticks_that_idle_cpus_slept_through_are_not_missed() {
        // A busy machine.
        assert_eq!(missed(2000, 1990, 3, 3), 10);
        // One CPU is idle and sleeps, the other is idle and ticks.
        assert_eq!(missed(1200, 600, 1190, 590), 0);
        // Half of the time busy: 100 ticks of 1000 did not come there, and 300 of the idle ones.
        assert_eq!(missed(2000, 1600, 1000, 700), 100);
        // Idle time is rounded, so that it may tell of more ticks than there were.
        assert_eq!(missed(1000, 990, 1001, 980), 0);
    }
}

//! The attachments of an event on all CPUs, and the number of runs that they should have given.

use super::idle;
use super::load::Loaded;
use crate::events::perf::{PerfEvent, Reading};
use crate::events::{Due, Source};
use crate::source::{MISSED, MISSED_COUNTS};
use std::collections::BTreeMap;
use std::io;

/// An event and its attachments.
#[derive(Debug)]
pub(crate) struct Attachments {
    source: Source,
    /// The event's index in the recording's list.
    number: usize,
    /// Whether the idle task is sampled.
    want_idle: bool,
    attached: Vec<Attached>,
    /// The runs that were due on CPUs that went offline.
    before: u64,
    /// The idle times at the end.
    ended: Option<BTreeMap<u32, u64>>,
}

/// A CPU's perf event.
#[derive(Debug)]
struct Attached {
    cpu: u32,
    event: PerfEvent,
    /// The CPU's idle time when the event was enabled, in nanoseconds.
    idle: Option<u64>,
}

impl Attachments {
    pub(crate) fn new(source: Source, number: usize, want_idle: bool) -> Self {
        Self { source, number, want_idle, attached: Vec::new(), before: 0, ended: None }
    }

    /// The source of the event.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Attaches and enables the event on a CPU.
    pub(crate) fn add(&mut self, cpu: u32, loaded: &Loaded) -> io::Result<()> {
        let mut event = PerfEvent::sampling(&self.source, cpu)?;
        loaded.attach(&mut event, self.number, &self.source)?;
        event.enable()?;
        let idle = idle::times().get(&cpu).copied();
        self.attached.push(Attached { cpu, event, idle });
        Ok(())
    }

    /// Whether the event is attached to this CPU already.
    pub(crate) fn has(&self, cpu: u32) -> bool {
        self.attached.iter().any(|attached| self.source.everywhere || attached.cpu == cpu)
    }

    /// Closes the attachments of CPUs that are not in the list, and those that ended while their CPU was offline.
    pub(crate) fn keep(&mut self, online: &[u32]) {
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for mut attached in self.attached.drain(..) {
            let stays = attached.event.went_on() && online.contains(&attached.cpu);
            if stays { &mut kept } else { &mut gone }.push(attached);
        }
        self.attached = kept;
        self.before += gone.iter().map(|attached| self.due_of(&attached.event)).sum::<u64>();
    }

    pub(crate) fn disable(&mut self) {
        for attached in &self.attached {
            // The event of a CPU that went offline is already disabled.
            let _ = attached.event.disable();
        }
        self.ended = Some(idle::times());
    }

    /// The ticks that should have come so far: the enabled time divided by the timer's period, on all CPUs. Zero if the
    /// event is no timer.
    pub(crate) fn expected_ticks(&self) -> u64 {
        if let Due::Ticks(_) = self.source.due { self.due() } else { 0 }
    }

    /// The number of runs that did not come, and the cause under which they are counted.
    pub(crate) fn missed(&self, runs: u64, idle_runs: u64) -> (&'static str, u64) {
        let due = self.due();
        match self.source.due {
            Due::Unknown => (MISSED, 0),
            Due::Counts(_) => (MISSED_COUNTS, due.saturating_sub(runs)),
            // Ticks that idle CPUs slept through are missed only if the idle task is sampled.
            Due::Ticks(period) if due > runs && !self.want_idle => {
                (MISSED, missed(due, runs, self.idle() / period, idle_runs))
            }
            Due::Ticks(_) => (MISSED, due.saturating_sub(runs)),
        }
    }

    fn due(&self) -> u64 {
        self.before + self.attached.iter().map(|a| self.due_of(&a.event)).sum::<u64>()
    }

    fn due_of(&self, event: &PerfEvent) -> u64 {
        let Reading { value, enabled, .. } = event.read().unwrap_or_default();
        match self.source.due {
            Due::Unknown => 0,
            Due::Ticks(period) => enabled / period,
            Due::Counts(count) => value / count,
        }
    }

    /// The nanoseconds in which the CPUs were idle while their events were enabled, rounded up. So rounding cannot make
    /// a lost sample.
    fn idle(&self) -> u64 {
        let now = self.ended.clone().unwrap_or_else(idle::times);
        let unit = idle::unit();
        let since = |attached: &Attached| {
            now.get(&attached.cpu)?.checked_sub(attached.idle?).map(|idle| idle + unit)
        };
        self.attached.iter().filter_map(since).sum()
    }
}

/// The expected ticks that neither came nor fell into idle time.
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
        // Half of the time is busy: 100 of 1,000 ticks did not come there, and 300 of the idle ones.
        assert_eq!(missed(2000, 1600, 1000, 700), 100);
        // Idle time is rounded, so it may account for more ticks than there were.
        assert_eq!(missed(1000, 990, 1001, 980), 0);
    }
}

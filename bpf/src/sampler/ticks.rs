//! The sampling events of all CPUs, and how many ticks they should have given.

use super::events::{PerfEvent, Trigger};

/// The sampling events.
#[derive(Debug)]
pub(crate) struct Ticks {
    trigger: Trigger,
    frequency: u32,
    events: Vec<(u32, PerfEvent)>,
    /// Ticks expected of CPUs that went offline.
    before: u64,
}

impl Ticks {
    pub(crate) fn new(trigger: Trigger, frequency: u32) -> Self {
        Self { trigger, frequency, events: Vec::new(), before: 0 }
    }

    pub(crate) fn add(&mut self, cpu: u32, event: PerfEvent) {
        self.events.push((cpu, event));
    }

    pub(crate) fn has(&self, cpu: u32) -> bool {
        self.events.iter().any(|(c, _)| *c == cpu)
    }

    /// Closes the events of CPUs that are not in the list, and those that ended because theirs was away.
    pub(crate) fn keep(&mut self, online: &[u32]) {
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for (cpu, mut event) in self.events.drain(..) {
            let stays = event.went_on() && online.contains(&cpu);
            if stays { &mut kept } else { &mut gone }.push((cpu, event));
        }
        self.events = kept;
        self.before += gone.iter().map(|(_, e)| self.ticks(e)).sum::<u64>();
    }

    pub(crate) fn disable(&self) {
        for (_, event) in &self.events {
            // An event whose CPU is gone is off already.
            let _ = event.disable();
        }
    }

    /// Ticks that should have come so far: enabled time over the timer's period, on every CPU. Zero for `cycles`,
    /// which do not tick while a CPU idles.
    pub(crate) fn expected(&self) -> u64 {
        self.before + self.events.iter().map(|(_, e)| self.ticks(e)).sum::<u64>()
    }

    fn ticks(&self, event: &PerfEvent) -> u64 {
        match self.trigger {
            Trigger::Cycles => 0,
            Trigger::CpuClock => {
                let period = 1_000_000_000 / u64::from(self.frequency.max(1));
                event.read().map_or(0, |r| r.enabled / period.max(1))
            }
        }
    }
}

//! The facts of a cut. They are filled in here once, and turned into words by the code that shows them.

use super::advice::{How, advice};
use crate::cli::config::Config;
use crate::host::own_usage::OwnUsage;
use crate::judge::quality::Judged;
use crate::judge::recording::Recording;
use crate::record::recorded::Cut;
use crate::target::resolved::ResolvedTarget;
use bpf::{EventLosses, Started, Unit};
use output::Facts;
use output::facts::{Cost, CpuTime, EventFacts, Lost, Rate, SpoiltFile};
use symbolizer::Warning;

/// The facts that are the same for all cuts of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The target.
    pub target: &'a ResolvedTarget,
    /// The events and CPUs.
    pub started: &'a Started,
}

impl About<'_> {
    /// The facts of a cut and its cost. `spoilt`: the foreign files that were refused or are malformed.
    pub(crate) fn facts(
        self,
        cut: &Cut,
        recording: &Recording<'_>,
        cost: Cost,
        spoilt: Vec<Warning>,
    ) -> Facts {
        let judged = Judged::of(recording);
        let mut facts = Facts {
            version: env!("CARGO_PKG_VERSION").into(),
            target: self.target.title.clone(),
            events: self.events(cut),
            cpus: self.started.cpus.len(),
            duration: self.duration(cut),
            cpu: self.cpu_time(cut),
            lost: of_no_event(cut),
            side_band_lost: cut.losses.side_band_lost,
            quality: judged.quality.clone(),
            cost,
            warnings: Vec::new(),
            spoilt_files: spoilt.into_iter().map(spoilt_file).collect(),
        };
        let machine = self.target.tasks == bpf::Target::Machine;
        let how = How { unwind: self.config.sampling.unwind, machine };
        facts.warnings = advice(&facts, &judged, how);
        facts
    }

    fn events(self, cut: &Cut) -> Vec<EventFacts> {
        let none = EventLosses::default();
        let fact = |(at, event): (usize, &bpf::Event)| {
            let losses = cut.losses.events.get(at).unwrap_or(&none);
            let total = cut.counts.of_event(at);
            EventFacts {
                name: event.name.clone(),
                unit: event.unit.name(),
                rate: rate(event.rate),
                samples: total.samples,
                weight: total.weight,
                lost: losses.lost.clone(),
                runs: losses.runs,
                idle: losses.idle,
                foreign: losses.foreign,
                expected: losses.expected,
            }
        };
        self.started.events.iter().enumerate().map(fact).collect()
    }

    /// The duration of the cut; for a saved recording, the time between its first and last sample.
    fn duration(self, cut: &Cut) -> u64 {
        match (&self.config.stored.replay, cut.counts.first, cut.counts.last) {
            (Some(_), Some(first), Some(last)) => last.saturating_sub(first),
            _ => u64::try_from(cut.time.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// The CPU time of the timer's samples.
    fn cpu_time(self, cut: &Cut) -> Option<CpuTime> {
        let mut events = self.started.events.iter().enumerate();
        let (at, timer) = events.find(|(_, event)| event.samples_time())?;
        let (count, account) = (cut.counts.of_event(at), self.account(timer));
        Some(CpuTime {
            samples: count.samples,
            sampled: (count.weight as f64 * count.scale(timer, cut.accounted)) as u64,
            accounted: cut.accounted.filter(|_| !account.is_empty()),
            account,
        })
    }

    /// The name of the kernel's account that the CPU time is compared with. There is none for cycles, because they are
    /// scaled to it; none with samples of the idle task, because they exceed it; and none for a saved recording.
    fn account(self, timer: &bpf::Event) -> &'static str {
        let weighs_time = timer.unit == Unit::Nanoseconds;
        match self.target.tasks {
            _ if self.config.stored.replay.is_some() || !weighs_time => "",
            bpf::Target::Machine if self.config.sampling.idle => "",
            bpf::Target::Machine => "/proc/stat",
            bpf::Target::Processes(_) | bpf::Target::Threads(_) => "schedstat",
        }
    }
}

fn of_no_event(cut: &Cut) -> Lost {
    let mut lost = cut.losses.of_no_event();
    for (cause, samples) in [
        ("stack missing", cut.counts.stack_missing),
        ("stack memory full (user space)", cut.counts.memory_full),
    ] {
        if samples > 0 {
            *lost.entry(cause).or_default() += samples;
        }
    }
    lost
}

fn rate(rate: bpf::Rate) -> Rate {
    match rate {
        bpf::Rate::Hertz(hertz) => Rate::Hertz(hertz),
        bpf::Rate::Every(count) => Rate::Every(count),
    }
}

fn spoilt_file(Warning { file, what }: Warning) -> SpoiltFile {
    SpoiltFile { file, what }
}

/// The cost of bpflame and its programs so far.
pub(crate) fn cost(own: &OwnUsage, programs: &bpf::Cost) -> Cost {
    Cost {
        program_runs: programs.runs,
        program_time: programs.nanoseconds,
        map_bytes: programs.map_bytes,
        table_bytes: programs.table_bytes,
        cpu_time: own.cpu_time + own.naming.cpu_time + own.reading,
        anonymous_bytes: own.anonymous + own.naming.anonymous,
        file_bytes: own.files,
        first_sample: own.first_sample,
        finishing: own.finishing,
    }
}

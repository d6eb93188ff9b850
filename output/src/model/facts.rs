//! Everything that is known of a recording, as data. [`crate::tell`] turns it into words at the very end.

use super::quality::{Quality, share};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Everything that is known of a recording; or of one cut of it, which is everything since the previous cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// bpflame's version.
    pub version: Cow<'static, str>,
    /// The target, as in `redis-server (1234)`.
    pub target: String,
    /// The events. Where there is room for only one, the first one is shown.
    pub events: Vec<EventFacts>,
    /// The number of sampled CPUs.
    pub cpus: usize,
    /// The duration in nanoseconds.
    pub duration: u64,
    /// The CPU time of the timer's samples; `None` if no timer was sampled.
    pub cpu: Option<CpuTime>,
    /// Lost samples by cause, if their event is unknown.
    pub lost: Lost,
    /// The number of lost records of mappings, processes and names.
    pub side_band_lost: u64,
    /// The quality of the samples.
    pub quality: Quality,
    /// The cost of the recording.
    pub cost: Cost,
    /// The problems and their cures, the most important first.
    pub warnings: Vec<Warning>,
    /// Foreign files that were refused or are malformed.
    pub spoilt_files: Vec<SpoiltFile>,
}

/// Lost samples by cause.
pub type Lost = BTreeMap<&'static str, u64>;

/// The facts about one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// The event's name, such as `cycles`, `cpu-clock` or `page-faults`.
    pub name: String,
    /// The unit of its weights, such as `nanoseconds`, `cycles` or `count`.
    pub unit: &'static str,
    /// Its sampling rate.
    pub rate: Rate,
    /// The number of samples.
    pub samples: u64,
    /// The weight of all samples, in the event's unit.
    pub weight: u64,
    /// Lost samples of the event by cause.
    pub lost: Lost,
    /// Runs of the sampling program, including those in the idle task and outside the target.
    pub runs: u64,
    /// Runs in the idle task.
    pub idle: u64,
    /// Runs in tasks of other PID namespaces.
    pub foreign: u64,
    /// Ticks that should have come; 0 if unknown.
    pub expected: u64,
}

/// A sampling rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Samples per second on each CPU.
    Hertz(u32),
    /// One sample for this many of the event's unit.
    Every(u64),
}

impl Default for Rate {
    /// One sample for each occurrence.
    fn default() -> Self {
        Self::Every(1)
    }
}

impl Rate {
    /// Samples per second on each CPU, if the rate is one of time.
    pub fn hertz(self) -> Option<u32> {
        match self {
            Self::Hertz(hertz) => Some(hertz),
            Self::Every(_) => None,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hertz(hertz) => write!(f, "at {hertz} Hz"),
            Self::Every(count) => write!(f, "every {count}"),
        }
    }
}

/// CPU time, and the kernel's account to compare it with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// The number of the timer's samples.
    pub samples: u64,
    /// The CPU time that the samples stand for, in nanoseconds.
    pub sampled: u64,
    /// The CPU time in the kernel's account, in nanoseconds; `None` if it is unknown or `sampled` comes from it.
    pub accounted: Option<u64>,
    /// The name of that account, such as `schedstat`; empty if there is nothing to compare with.
    pub account: &'static str,
}

/// The cost of a recording, up to the time at which the facts were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Runs of the sampling program that the kernel timed.
    pub program_runs: u64,
    /// Nanoseconds of those runs together.
    pub program_time: u64,
    /// Bytes of memory that the programs' maps and rings hold.
    pub map_bytes: u64,
    /// The part of these bytes that unwind tables take.
    pub table_bytes: u64,
    /// CPU nanoseconds of bpflame itself.
    pub cpu_time: u64,
    /// The most anonymous memory that it had, in bytes.
    pub anonymous_bytes: u64,
    /// Mapped files that it has in memory, in bytes.
    pub file_bytes: u64,
    /// From the start to the first sample, in nanoseconds.
    pub first_sample: Option<u64>,
    /// From the end of the recording to the last file, in nanoseconds.
    pub finishing: u64,
}

/// A problem of a recording, and how its user can solve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The problem.
    pub problem: Problem,
    /// The cures, in the words of the command that recorded.
    pub cures: Vec<Cow<'static, str>>,
}

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Problem {
    /// Many user frames have no name.
    Unnamed,
    /// The kernel hides the names of its functions.
    KernelHidden,
    /// Many user stacks lack callers.
    Incomplete,
    /// Many user stacks may lack a caller.
    Unsure,
    /// Many samples were lost.
    Lost,
}

/// A foreign file that was refused or is malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoiltFile {
    /// The file.
    pub file: String,
    /// Its defect, as in "DWARF is malformed".
    pub what: String,
}

impl Facts {
    /// The lost samples of all events by cause.
    pub fn lost_by_cause(&self) -> Lost {
        let mut all = self.lost.clone();
        for (cause, samples) in self.events.iter().flat_map(|event| &event.lost) {
            *all.entry(cause).or_default() += samples;
        }
        all
    }

    /// The number of all lost samples.
    pub fn lost_total(&self) -> u64 {
        self.lost_by_cause().values().sum()
    }

    /// The lost share of all samples that should have been taken. All runs count, not only those of the target, because
    /// a missed run belongs to no target.
    pub fn lost_share(&self) -> f64 {
        let runs = self.sum(|event| event.runs);
        share(self.lost_total(), self.lost_total() + runs.max(self.quality.samples))
    }

    /// The sum of a figure over all events.
    pub fn sum(&self, of: impl Fn(&EventFacts) -> u64) -> u64 {
        self.events.iter().map(of).sum()
    }
}

impl CpuTime {
    /// The relative difference between the samples' CPU time and the kernel's: +0.01 means that the samples have one
    /// per cent too much.
    pub fn difference(&self) -> Option<f64> {
        let accounted = self.accounted.filter(|time| *time > 0)?;
        Some(self.sampled as f64 / accounted as f64 - 1.0)
    }

    /// The relative difference that chance explains: one standard deviation for this number of samples.
    pub fn expected_difference(&self) -> f64 {
        1.0 / (self.samples.max(1) as f64).sqrt()
    }
}

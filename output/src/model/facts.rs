//! Everything that is known of a recording, as data. Words are made of it at the very end, by [`crate::tell`].

use super::quality::{Quality, share};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Everything that is known of a recording, or of one cut of it: then of what came since the cut before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// bpflame's version.
    pub version: Cow<'static, str>,
    /// The target, as in `redis-server (1234)`.
    pub target: String,
    /// The events; the first one is the one that is shown where there is room for one.
    pub events: Vec<EventFacts>,
    /// CPUs sampled.
    pub cpus: usize,
    /// The duration in nanoseconds.
    pub duration: u64,
    /// The CPU time of the timer's samples; none where no timer is sampled.
    pub cpu: Option<CpuTime>,
    /// Lost samples by cause, where it is not known which event they were of.
    pub lost: Lost,
    /// Records of mappings, processes and names that were lost.
    pub side_band_lost: u64,
    /// The quality of the samples.
    pub quality: Quality,
    /// The cost of the recording.
    pub cost: Cost,
    /// What should be mended, the most important first.
    pub warnings: Vec<Warning>,
    /// Foreign files that were refused or are malformed.
    pub spoilt_files: Vec<SpoiltFile>,
}

/// Lost samples by cause.
pub type Lost = BTreeMap<&'static str, u64>;

/// What is known of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// Its name, as in `cycles`, `cpu-clock` or `page-faults`.
    pub name: String,
    /// The unit of its weights, as in `nanoseconds`, `cycles` or `count`.
    pub unit: &'static str,
    /// Its sampling rate.
    pub rate: Rate,
    /// Its samples.
    pub samples: u64,
    /// Their weight, in its unit.
    pub weight: u64,
    /// Its lost samples by cause.
    pub lost: Lost,
    /// Runs of the sampling program, those in the idle task and outside the target included.
    pub runs: u64,
    /// Runs that hit the idle task.
    pub idle: u64,
    /// Runs that hit tasks of other PID namespaces.
    pub foreign: u64,
    /// Ticks that should have come; 0 where it is not known.
    pub expected: u64,
}

/// A sampling rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Samples a second and CPU.
    Hertz(u32),
    /// One sample for so many of the event's unit.
    Every(u64),
}

impl Default for Rate {
    /// Each one.
    fn default() -> Self {
        Self::Every(1)
    }
}

impl Rate {
    /// Samples a second and CPU, where time decides.
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

/// CPU time, and the account that it is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// The timer's samples.
    pub samples: u64,
    /// The CPU time of the samples in nanoseconds.
    pub sampled: u64,
    /// The same as the kernel accounts it, where it is known and not where `sampled` comes from.
    pub accounted: Option<u64>,
    /// The source of that figure, such as `schedstat`; empty if there is nothing to compare with.
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

/// A problem of a recording that its user can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The problem.
    pub problem: Problem,
    /// What mends it, in the words of who recorded.
    pub cures: Vec<Cow<'static, str>>,
}

/// What [`Warning`]s are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Problem {
    /// Many user frames have no name.
    Unnamed,
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
    /// Which file.
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

    /// All lost samples.
    pub fn lost_total(&self) -> u64 {
        self.lost_by_cause().values().sum()
    }

    /// The share of what should have been sampled that was lost: of all runs, not of the target's alone, because
    /// what was missed belongs to no target.
    pub fn lost_share(&self) -> f64 {
        let runs = self.sum(|event| event.runs);
        share(self.lost_total(), self.lost_total() + runs.max(self.quality.samples))
    }

    /// A figure of all events together.
    pub fn sum(&self, of: impl Fn(&EventFacts) -> u64) -> u64 {
        self.events.iter().map(of).sum()
    }
}

impl CpuTime {
    /// The relative difference of the samples' CPU time from the kernel's: +0.01 is one per cent too much.
    pub fn difference(&self) -> Option<f64> {
        let accounted = self.accounted.filter(|time| *time > 0)?;
        Some(self.sampled as f64 / accounted as f64 - 1.0)
    }

    /// The relative difference that chance explains: one standard deviation for this number of samples.
    pub fn expected_difference(&self) -> f64 {
        1.0 / (self.samples.max(1) as f64).sqrt()
    }
}

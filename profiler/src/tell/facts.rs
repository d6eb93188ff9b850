//! The figures of a finished recording: one source for the summary, the files and `--stats`.

use crate::judge::quality::Quality;
use std::collections::BTreeMap;
use symbolizer::Warning;

/// A recording's figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// The target, as in `redis-server (1234)`.
    pub target: String,
    /// `cycles` or `cpu-clock`.
    pub event: String,
    /// Samples a second and CPU.
    pub frequency: u32,
    /// CPUs sampled.
    pub cpus: usize,
    /// The duration in nanoseconds.
    pub duration: u64,
    /// The CPU time of the samples in nanoseconds.
    pub cpu_time: u64,
    /// The same as the kernel accounts it, where it is known and not where `cpu_time` comes from.
    pub accounted: Option<u64>,
    /// The source of that figure, such as `schedstat`; empty if there is nothing to compare with.
    pub account: &'static str,
    /// Lost samples by cause.
    pub lost: BTreeMap<&'static str, u64>,
    /// Side-band records lost.
    pub side_band_lost: u64,
    /// Runs of the sampling program.
    pub runs: u64,
    /// Runs that hit the idle task.
    pub idle: u64,
    /// Runs that hit tasks of other PID namespaces.
    pub foreign: u64,
    /// Ticks that should have come; 0 where it is not known.
    pub expected: u64,
    /// The mode of walking user stacks.
    pub unwind: bpf::Unwind,
    /// The quality of the samples.
    pub quality: Quality,
    /// The defects of foreign files.
    pub warnings: Vec<Warning>,
}

impl Facts {
    /// All lost samples.
    pub(crate) fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    /// The share of what should have been sampled that was lost: of all runs, not of the target's alone, because
    /// what was missed belongs to no target.
    pub(crate) fn lost_share(&self) -> f64 {
        share(self.lost_total(), self.lost_total() + self.runs.max(self.quality.samples))
    }

    /// The relative difference of the samples' CPU time from the kernel's: +0.01 is one per cent too much.
    pub(crate) fn difference(&self) -> Option<f64> {
        let accounted = self.accounted.filter(|time| *time > 0)?;
        Some(self.cpu_time as f64 / accounted as f64 - 1.0)
    }

    /// The relative difference that chance explains: one standard deviation for this number of samples.
    pub(crate) fn expected_difference(&self) -> f64 {
        1.0 / (self.quality.samples.max(1) as f64).sqrt()
    }

    /// The share of samples of which `part` is true.
    pub(crate) fn of_samples(&self, part: u64) -> f64 {
        share(part, self.quality.samples)
    }

    /// The share of samples with a user stack of which `part` is true.
    pub(crate) fn of_user_stacks(&self, part: u64) -> f64 {
        share(part, self.quality.user_samples)
    }

    /// The share of user frames without a name.
    pub(crate) fn unresolved_share(&self) -> f64 {
        share(self.quality.unresolved_frames(), self.quality.user_frames)
    }
}

/// `part` of `whole`; nothing of nothing is nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

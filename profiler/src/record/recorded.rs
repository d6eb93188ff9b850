//! A finished recording.

use super::counts::StackCounts;
use crate::host::exit::Failure;
use bpf::{Cost, Losses, Started};
use std::time::Duration;
use symbolizer::{ProcessTable, Symbolize, Warning};

/// The reason why a recording ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The duration was over.
    Time,
    /// A signal came.
    Signal(i32),
    /// The target's processes have ended, or the command has.
    Gone,
    /// The source has no more samples.
    Finished,
    /// The source failed. The samples from before are kept.
    Failed(bpf::Error),
}

/// The result of a cut: everything since the previous cut, or since the start.
#[derive(Debug)]
pub(crate) struct Cut {
    /// The counts.
    pub counts: StackCounts,
    /// The losses.
    pub losses: Losses,
    /// CPU time as the kernel accounts it, in nanoseconds.
    pub accounted: Option<u64>,
    /// The duration.
    pub time: Duration,
    /// The time of the beginning, CLOCK_MONOTONIC nanoseconds.
    pub began: u64,
    /// The time of the end, CLOCK_MONOTONIC nanoseconds.
    pub ended: u64,
}

/// A recording with one cut.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The cut: everything that was recorded.
    pub cut: Cut,
    /// The processes.
    pub table: ProcessTable,
    /// The reason for the end.
    pub end: End,
    /// The files that have rules but no unwind table.
    pub without_table: Vec<Warning>,
    /// Whether the recording was stored, if that was requested.
    pub stored: Result<(), Failure>,
    /// The events and CPUs of the sampler.
    pub started: Started,
    /// The cost of the BPF programs.
    pub cost: Cost,
    /// The symbolizer, which has made some names.
    pub symbolizer: Box<dyn Symbolize + Send>,
}

impl Recorded {
    /// Whether a signal ended the recording.
    pub(crate) fn signalled(&self) -> bool {
        matches!(self.end, End::Signal(_))
    }
}

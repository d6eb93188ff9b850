//! The live sampler.

use crate::{Error, Losses, SampleSource, Window};

/// Whose samples are kept. Filtered in the kernel; children and threads born during the recording belong
/// to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every task.
    Machine,
    /// Processes by id, in bpflame's own PID namespace.
    Processes(Vec<u32>),
    /// Threads by id, in the same.
    Threads(Vec<u32>),
}

/// What to sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whose samples.
    pub target: Target,
    /// On which CPUs; `None`: all that are online.
    pub cpus: Option<Vec<u32>>,
    /// Samples a second and CPU.
    pub frequency: u32,
    /// Whether user stacks are recorded.
    pub user: bool,
    /// Whether kernel stacks are recorded.
    pub kernel: bool,
    /// Whether the idle task is sampled.
    pub idle: bool,
    /// A process to leave out (bpflame's own).
    pub exclude: Option<u32>,
}

/// What the sampler runs on, for the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// `cycles` or `cpu-clock`.
    pub event: &'static str,
    /// The unit of [`crate::Sample::weight`]: `nanoseconds` or `cycles`.
    pub unit: &'static str,
    /// The CPUs sampled.
    pub cpus: Vec<u32>,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC at the start, in nanoseconds.
    pub wall_offset: i64,
    /// CLOCK_MONOTONIC nanoseconds when sampling began.
    pub time: u64,
}

/// Figures of the BPF programs, where `kernel.bpf_stats_enabled` is 1, and of the maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Runs of the sampling programs that the kernel timed.
    pub runs: u64,
    /// Nanoseconds of those runs together.
    pub nanoseconds: u64,
    /// Bytes of memory that the BPF maps and rings hold.
    pub map_bytes: u64,
}

/// Samples the kernel.
#[derive(Debug)]
pub struct Sampler {}

impl Sampler {
    /// Loads the programs and opens the perf events; nothing is sampled yet, side-band records are
    /// collected from here on (so `/proc` may be read after this).
    ///
    /// # Errors
    /// With the step that failed and its cause; nothing stays behind.
    pub fn open(_config: &Config) -> Result<Self, Error> {
        Err(Error::Kernel { lacks: String::from("sampler") })
    }

    /// Starts sampling.
    ///
    /// # Errors
    /// When an event cannot be enabled.
    pub fn start(&mut self) -> Result<Started, Error> {
        Err(Error::Kernel { lacks: String::from("sampler") })
    }

    /// What the programs cost so far.
    pub fn cost(&self) -> Cost {
        Cost::default()
    }
}

impl SampleSource for Sampler {
    fn drain(&mut self, _window: &mut Window) -> Result<(), Error> {
        Ok(())
    }

    fn stop(&mut self, _window: &mut Window) -> Result<(), Error> {
        Ok(())
    }

    fn losses(&self) -> Losses {
        Losses::default()
    }

    fn finished(&self) -> bool {
        false
    }
}

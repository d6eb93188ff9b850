//! The settings of the sampler, and the constants that the programs are loaded with.

use super::size::Sizes;
use crate::skeleton::sampler::types::{limits, rodata, target_kind, unwind_mode};
use crate::{Error, EventSpec};
use std::os::unix::fs::MetadataExt;

/// The inode number of the first PID namespace.
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// The recorded tasks. The filter runs in the kernel. Children and threads born during the recording belong to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every task.
    Machine,
    /// Processes by id, in bpflame's own PID namespace.
    Processes(Vec<u32>),
    /// Threads by id, in bpflame's own PID namespace.
    Threads(Vec<u32>),
}

/// The mode of walking user stacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unwind {
    /// By frame pointer.
    FramePointers,
    /// By rules, and by frame pointer if a process or a file has none.
    #[default]
    Auto,
    /// By rules alone.
    Rules,
}

/// The settings of the sampler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The target.
    pub target: Target,
    /// The sampled CPUs; `None`: all that are online.
    pub cpus: Option<Vec<u32>>,
    /// The events to sample, at least one.
    pub events: Vec<EventSpec>,
    /// Whether user stacks are recorded.
    pub user: bool,
    /// Whether kernel stacks are recorded.
    pub kernel: bool,
    /// Whether the idle task is sampled.
    pub idle: bool,
    /// A process to leave out (bpflame's own).
    pub exclude: Option<u32>,
    /// The mode of walking user stacks.
    pub unwind: Unwind,
    /// Memory limit for unwind tables, in bytes.
    pub unwind_memory: usize,
    /// Whether callers are guessed in code without a rule, in files that have rules ([`Unwind::Auto`]).
    pub guess: bool,
}

/// The constants of the programs. They are the same for every copy.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) unwind: Unwind,
    pub(crate) unwind_memory: usize,
    config: Config,
    sizes: Sizes,
    namespace: u64,
    seed: u64,
    multiplier: u64,
    kernel_depth: u32,
}

impl Settings {
    /// The constants for this configuration, in the PID namespace of this process.
    pub(crate) fn new(config: &Config, sizes: Sizes) -> Result<Self, Error> {
        let namespace = std::fs::metadata("/proc/self/ns/pid")
            .map_err(|source| Error::Failed { step: "reading /proc/self/ns/pid", source })?
            .ino();
        Ok(Self {
            unwind: config.unwind,
            unwind_memory: config.unwind_memory,
            config: config.clone(),
            sizes,
            namespace,
            seed: random(),
            multiplier: random() | 1,
            kernel_depth: kernel_depth(),
        })
    }

    /// Writes the constants. `event` is for a program whose attachment does not pass the event.
    pub(crate) fn fill(&self, data: &mut rodata, event: u64) {
        let Self { config, sizes, .. } = self;
        data.event_of_this_copy = event;
        data.namespace_inum = self.namespace as u32;
        data.namespace_is_first = self.namespace == FIRST_PID_NAMESPACE;
        data.log_mask = sizes.log_words - 1;
        data.logs_a_generation = sizes.slots();
        data.slots_a_cpu = sizes.slots_a_cpu;
        data.seed = self.seed;
        data.multiplier = self.multiplier;
        data.kernel_depth = self.kernel_depth;
        data.target_kind = match config.target {
            Target::Machine => target_kind::TARGET_MACHINE.0,
            Target::Processes(_) => target_kind::TARGET_PROCESSES.0,
            Target::Threads(_) => target_kind::TARGET_THREADS.0,
        };
        data.excluded_pid = config.exclude.unwrap_or(0);
        data.want_user = config.user;
        data.want_kernel = config.kernel;
        data.want_idle = config.idle;
        data.want_guess = config.guess;
        data.unwind_mode = match config.unwind {
            Unwind::FramePointers => unwind_mode::UNWIND_FRAME_POINTERS.0,
            Unwind::Auto => unwind_mode::UNWIND_AUTO.0,
            Unwind::Rules => unwind_mode::UNWIND_RULES.0,
        };
    }
}

/// A number that a profiled process cannot know.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// The most frames of a kernel stack that this kernel gives (`kernel.perf_event_max_stack`).
fn kernel_depth() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/kernel/perf_event_max_stack").unwrap_or_default();
    text.trim().parse().unwrap_or(u32::MAX).min(limits::KERNEL_FRAMES.0)
}

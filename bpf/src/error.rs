//! Errors of the kernel side.

use std::{fmt, io};

/// An error of the kernel side. `Display` is the sentence that users read, without the command that fixes the error.
#[derive(Debug)]
pub enum Error {
    /// A step was refused, with the capabilities that it lacks (`CAP_BPF`, …).
    Permission {
        /// The refused step, as in "opening a perf event".
        step: &'static str,
        /// The missing capabilities by name; may be empty if something else forbids the step.
        missing: Vec<&'static str>,
        /// The kernel's error.
        source: io::Error,
    },
    /// The kernel lacks something.
    Kernel {
        /// The missing feature, as in "BTF (CONFIG_DEBUG_INFO_BTF)".
        lacks: String,
    },
    /// The sampling frequency is above `kernel.perf_event_max_sample_rate` (hertz).
    Rate {
        /// The limit in hertz.
        limit: u64,
    },
    /// There is no event, or there are more events than can be sampled at a time.
    Events {
        /// The most events that can be sampled at a time.
        most: u32,
    },
    /// An event cannot be sampled as it is named.
    Event {
        /// The event.
        event: String,
        /// The defect.
        defect: &'static str,
    },
    /// An event that comes from all CPUs cannot be limited to some of them.
    Everywhere {
        /// The event.
        event: String,
    },
    /// A CPU in the list does not exist or is offline.
    Cpu(u32),
    /// A stored recording is malformed.
    Replay {
        /// The line, from 1.
        line: usize,
        /// The defect.
        what: String,
    },
    /// Anything else, with the step that failed.
    Failed {
        /// The failed step.
        step: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission { step, missing, source } if missing.is_empty() => {
                write!(f, "{step} is not permitted ({source})")
            }
            Self::Permission { step, missing, .. } => {
                write!(f, "{step} is not permitted without {}", missing.join(" and "))
            }
            Self::Kernel { lacks } => write!(f, "this kernel has no {lacks}"),
            Self::Rate { limit } => write!(
                f,
                "the frequency is above the kernel's limit of {limit} Hz (kernel.perf_event_max_sample_rate)"
            ),
            Self::Events { most } => write!(f, "1 to {most} events can be sampled at a time"),
            Self::Event { event, defect } => write!(f, "{event}: {defect}"),
            Self::Everywhere { event } => {
                write!(f, "{event} is sampled on all CPUs and cannot be limited to some of them")
            }
            Self::Cpu(cpu) => write!(f, "CPU {cpu} does not exist or is offline"),
            Self::Replay { line, what } => {
                write!(f, "the recording's line {line} is malformed: {what}")
            }
            Self::Failed { step, source } => write!(f, "{step} failed: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Permission { source, .. } | Self::Failed { source, .. } => Some(source),
            _ => None,
        }
    }
}

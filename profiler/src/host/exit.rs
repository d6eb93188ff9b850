//! Exit codes, and errors with the command that fixes them.

use std::fmt;
use std::process::ExitCode;

/// The kind of a failure. It decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something failed.
    Failed,
    /// The command line is wrong.
    Usage,
    /// Nothing was sampled.
    NoSamples,
    /// Not permitted.
    NotPermitted,
    /// The kernel lacks something.
    Kernel,
    /// The target was not found.
    NotFound,
    /// The command did not run: 125, 126 or 127, as with `env` and `timeout`.
    Command(u8),
    /// A signal ended bpflame before everything was written.
    Interrupted(i32),
}

impl Kind {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoSamples => 3,
            Self::NotPermitted => 4,
            Self::Kernel => 5,
            Self::NotFound => 6,
            Self::Command(code) => code,
            Self::Interrupted(signal) => u8::try_from(128 + (signal & 0x7f)).unwrap_or(1),
        }
    }
}

/// The failure of a run: one sentence with the cause, and the command that fixes it, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: Kind,
    /// The sentence, without a full stop.
    pub message: String,
    /// The cure, as in "run it as root: sudo bpflame record …"; empty if none is known.
    pub cure: String,
}

impl Failure {
    /// A failure whose cure is not known.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: plain(&message.into()), cure: String::new() }
    }

    /// Adds a cure.
    #[must_use]
    pub fn cure(self, cure: impl Into<String>) -> Self {
        Self { cure: cure.into(), ..self }
    }
}

/// Removes the error numbers that the standard library adds: ` (os error 2)`.
fn plain(message: &str) -> String {
    let mut parts = message.split(" (os error ");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    std::iter::once(first).chain(rest).collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.cure.is_empty() { Ok(()) } else { write!(f, "; {}", self.cure) }
    }
}

impl std::error::Error for Failure {}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Kind::Failed, error.to_string())
    }
}

impl From<bpf::Error> for Failure {
    fn from(error: bpf::Error) -> Self {
        let message = error.to_string();
        match error {
            bpf::Error::Permission { .. } => Self::new(Kind::NotPermitted, message)
                .cure("run it with sudo; `bpflame doctor` lists the missing capabilities"),
            bpf::Error::Kernel { .. } => Self::new(Kind::Kernel, message)
                .cure("`bpflame doctor` lists what this kernel lacks"),
            bpf::Error::Rate { limit } => {
                Self::new(Kind::Usage, message).cure(format!("use -F {limit} or less"))
            }
            bpf::Error::Events { .. } | bpf::Error::Event { .. } => Self::new(Kind::Usage, message),
            bpf::Error::Everywhere { .. } => Self::new(Kind::Usage, message).cure("leave out -C"),
            bpf::Error::Cpu(_) => Self::new(Kind::Usage, message)
                .cure("`cat /sys/devices/system/cpu/online` lists the CPUs"),
            bpf::Error::Replay { .. } | bpf::Error::Failed { .. } => {
                Self::new(Kind::Failed, message)
            }
        }
    }
}

/// The end of a successful run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything was done.
    Done,
    /// The profiled command ended with this exit code (128 + the signal, if a signal killed it).
    Command(u8),
}

/// The exit code of bpflame's own failures when it runs a command, as with `env` and `timeout`.
pub const COMMAND_FAILED: u8 = 125;
/// The command exists, but is not executable.
pub const NOT_EXECUTABLE: u8 = 126;
/// The command does not exist.
pub const NOT_FOUND: u8 = 127;

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::SUCCESS,
            Ending::Command(code) => Self::from(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_documented_code() {
        let kinds = [
            Kind::Failed,
            Kind::Usage,
            Kind::NoSamples,
            Kind::NotPermitted,
            Kind::Kernel,
            Kind::NotFound,
        ];
        assert_eq!(kinds.map(Kind::code), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn error_numbers_are_left_out() {
        let error = std::io::Error::from_raw_os_error(2);
        let failure = Failure::new(Kind::Failed, format!("a: {error}; b: {error}."));
        assert_eq!(failure.message, "a: No such file or directory; b: No such file or directory.");
        assert_eq!(plain("a (os error"), "a (os error");
    }

    #[test]
    fn errors_of_the_kernel_side_keep_their_cause_and_gain_a_cure() {
        let failure = Failure::from(bpf::Error::Rate { limit: 25_000 });
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.to_string().contains("25000 Hz"), "{failure}");
        assert!(failure.to_string().ends_with("use -F 25000 or less"), "{failure}");
        let refused = bpf::Error::Permission {
            step: "opening a perf event",
            missing: vec!["CAP_PERFMON"],
            source: std::io::Error::from_raw_os_error(1),
        };
        let failure = Failure::from(refused);
        assert_eq!(failure.kind, Kind::NotPermitted);
        assert!(failure.message.contains("CAP_PERFMON"));
    }
}

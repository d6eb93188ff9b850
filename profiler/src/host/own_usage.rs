//! bpflame's own usage.

use super::clock::{monotonic, own_cpu_time};
use super::proc;
use symbolizer::name::Usage;

/// bpflame's own usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnUsage {
    /// CPU nanoseconds of the whole process.
    pub cpu_time: u64,
    /// The most anonymous memory seen, in bytes.
    pub anonymous: u64,
    /// Mapped files in memory at the end, in bytes.
    pub files: u64,
    /// From the start of the session to the first sample, in nanoseconds.
    pub first_sample: Option<u64>,
    /// From the end of the recording to the last file, in nanoseconds.
    pub finishing: u64,
    /// The process that makes names: its own.
    pub naming: Usage,
    /// CPU nanoseconds of the processes that read memory.
    pub reading: u64,
    /// When the session began, CLOCK_MONOTONIC nanoseconds.
    begun: u64,
}

impl OwnUsage {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self { begun: monotonic(), ..Self::default() }
    }

    /// The last look, after the files are written. The time of the first sample and the end of the recording are known
    /// by then.
    pub(crate) fn finish(&mut self, first_sample: Option<u64>, end: u64) {
        self.first_sample = first_sample.map(|time| time.saturating_sub(self.begun));
        self.finishing = monotonic().saturating_sub(end);
        self.look();
    }

    /// Looks at the usage of this process.
    pub(crate) fn look(&mut self) {
        self.cpu_time = own_cpu_time();
        let status = proc::text("/proc/self/status").unwrap_or_default();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
                .unwrap_or(0)
        };
        self.anonymous = self.anonymous.max(kib("RssAnon:") * 1024);
        self.files = kib("RssFile:") * 1024;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_figures_are_seen() {
        let mut own = OwnUsage::default();
        own.look();
        assert!(own.anonymous > 0 && own.cpu_time > 0);
    }
}

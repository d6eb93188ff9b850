//! A machine made of a temporary directory, for tests.

use super::capabilities::{Held, SMALLEST};
use super::finding::{Finding, Section};
use super::identity::Identity;
use super::machine::Machine;
use std::fs;

/// The directory.
pub(super) struct Fake(tempfile::TempDir);

impl Fake {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn with(self, path: &str, text: &str) -> Self {
        let path = self.machine().path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(super) fn modern() -> Self {
        Self::new()
            .with("/proc/sys/kernel/osrelease", "6.18.44\n")
            .with("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n")
            .with("/proc/sys/kernel/perf_event_paranoid", "2\n")
            .with("/proc/sys/kernel/perf_event_max_sample_rate", "100000\n")
            .with("/sys/kernel/btf/vmlinux", "x")
            .with("/proc/kallsyms", "ffffffff81000000 T _stext\n")
    }

    pub(super) fn machine(&self) -> Machine {
        Machine::at(self.0.path())
    }
}

/// An ordinary user with the smallest set.
pub(super) fn user() -> Identity {
    Identity { uid: 1000, held: Held::of(SMALLEST), ..Identity::default() }
}

/// The finding of that subject.
pub(super) fn finding(section: &Section, subject: &str) -> Finding {
    section.findings.iter().find(|f| f.subject == subject).unwrap().clone()
}

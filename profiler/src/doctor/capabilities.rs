//! The capabilities that each step of a recording needs, and the effect of a missing one. Nothing is read here.

use std::fmt;

/// A capability that matters to a profiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Load BPF programs and make maps.
    Bpf,
    /// Open perf events on every CPU; let BPF programs read memory.
    Perfmon,
    /// Read the mappings of other users' processes.
    SysPtrace,
    /// Open the files that a process mapped through `/proc/PID/map_files`.
    CheckpointRestore,
    /// Read files and directories of other users.
    DacReadSearch,
    /// See kernel addresses in `/proc/kallsyms`.
    Syslog,
    /// Lock more memory for rings than `kernel.perf_event_mlock_kb`.
    IpcLock,
    /// Raise RLIMIT_MEMLOCK, which bounds BPF maps before Linux 5.11.
    SysResource,
    /// The old one for all: holds what [`Capability::Bpf`], [`Capability::Perfmon`] and
    /// [`Capability::CheckpointRestore`] allow.
    SysAdmin,
}

impl Capability {
    /// All of them, the important ones first.
    pub const ALL: [Self; 9] = [
        Self::Bpf,
        Self::Perfmon,
        Self::SysPtrace,
        Self::CheckpointRestore,
        Self::DacReadSearch,
        Self::Syslog,
        Self::IpcLock,
        Self::SysResource,
        Self::SysAdmin,
    ];

    /// Its name, as in `CAP_BPF`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bpf => "CAP_BPF",
            Self::Perfmon => "CAP_PERFMON",
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::CheckpointRestore => "CAP_CHECKPOINT_RESTORE",
            Self::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Self::Syslog => "CAP_SYSLOG",
            Self::IpcLock => "CAP_IPC_LOCK",
            Self::SysResource => "CAP_SYS_RESOURCE",
            Self::SysAdmin => "CAP_SYS_ADMIN",
        }
    }

    /// Its bit in the kernel's sets.
    fn bit(self) -> u32 {
        match self {
            Self::DacReadSearch => 2,
            Self::IpcLock => 14,
            Self::SysPtrace => 19,
            Self::SysAdmin => 21,
            Self::SysResource => 24,
            Self::Syslog => 34,
            Self::Perfmon => 38,
            Self::Bpf => 39,
            Self::CheckpointRestore => 40,
        }
    }

    /// The loss of a recording without it.
    pub fn cost(self) -> &'static str {
        match self {
            Self::Bpf => "no recording: BPF programs cannot be loaded",
            Self::Perfmon => {
                "no recording: neither perf events on every CPU nor BPF programs that read stacks"
            }
            Self::SysPtrace => {
                "no names for files in other users' containers and for their deleted programs; before Linux 6.15, no names in their processes"
            }
            Self::CheckpointRestore => {
                "no names from libraries that were deleted or replaced after they were loaded"
            }
            Self::DacReadSearch => {
                "no names from files that only their owner may read, and from other users' deleted libraries"
            }
            Self::Syslog => {
                "no kernel names if kernel.kptr_restrict or kernel.perf_event_paranoid hides them"
            }
            Self::IpcLock => {
                "a second recording at the same time may need it, if RLIMIT_MEMLOCK is small"
            }
            Self::SysResource => "before Linux 5.11, RLIMIT_MEMLOCK limits the BPF maps",
            Self::SysAdmin => "-e uprobe cannot be used, and BPF programs have no source lines",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The least that an ordinary user needs to record user and kernel stacks of their own processes.
pub const SMALLEST: &[Capability] = &[Capability::Bpf, Capability::Perfmon];

/// Everything that a recording of any process can make use of: the full set of `docs/privileges.md`. `CAP_IPC_LOCK` serves
/// several recordings at the same time, `CAP_SYS_ADMIN` one kind of event.
pub const FULL: &[Capability] = &[
    Capability::Bpf,
    Capability::Perfmon,
    Capability::SysPtrace,
    Capability::CheckpointRestore,
    Capability::DacReadSearch,
    Capability::Syslog,
];

/// A set of capabilities, as `/proc/PID/status` shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held(u64);

impl Held {
    /// From the hexadecimal digits behind `CapEff:`; `None` if they are not.
    pub fn parse(digits: &str) -> Option<Self> {
        u64::from_str_radix(digits.trim(), 16).ok().map(Self)
    }

    /// A set of exactly these capabilities.
    pub fn of(list: &[Capability]) -> Self {
        Self(list.iter().fold(0, |bits, c| bits | 1 << c.bit()))
    }

    /// Whether the set has the capability itself.
    pub fn has(self, capability: Capability) -> bool {
        self.0 >> capability.bit() & 1 == 1
    }

    /// Whether the set allows what the capability allows, `CAP_SYS_ADMIN` counted for what it includes.
    pub fn allows(self, capability: Capability) -> bool {
        let included = matches!(
            capability,
            Capability::Bpf
                | Capability::Perfmon
                | Capability::CheckpointRestore
                | Capability::SysAdmin
        );
        self.has(capability) || included && self.has(Capability::SysAdmin)
    }
}

/// A step of a recording that the kernel can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Making BPF maps and loading the programs.
    LoadPrograms,
    /// `perf_event_open` on a CPU for every task.
    OpenEvents,
    /// Mapping the rings of side-band records, beyond `kernel.perf_event_mlock_kb`.
    MapRings,
    /// Reading `/proc/PID/maps` of another user's process.
    ReadMappings,
    /// Opening a file through `/proc/PID/map_files`.
    OpenMappedFiles,
    /// Opening a file that only its owner may read.
    ReadForeignFiles,
    /// Reading addresses in `/proc/kallsyms`.
    ReadKernelSymbols,
    /// Raising RLIMIT_MEMLOCK.
    RaiseMemlock,
}

/// The missing capabilities that can explain why `step` was refused to a process with the set `held`. If the result is empty,
/// something else forbids the step: a user namespace, seccomp, lockdown or a security module.
///
/// `paranoid` is `kernel.perf_event_paranoid`. Kernels of Debian and Ubuntu know the values 3 and 4, which require `CAP_SYS_ADMIN`
/// itself.
pub fn missing(step: Step, held: Held, paranoid: i64) -> Vec<Capability> {
    let needed: &[Capability] = match step {
        Step::LoadPrograms => &[Capability::Bpf, Capability::Perfmon],
        Step::OpenEvents if paranoid > 2 => &[Capability::SysAdmin],
        Step::OpenEvents => &[Capability::Perfmon],
        Step::MapRings => &[Capability::IpcLock],
        Step::ReadMappings => &[Capability::SysPtrace],
        Step::OpenMappedFiles => &[Capability::CheckpointRestore],
        Step::ReadForeignFiles => &[Capability::DacReadSearch],
        Step::ReadKernelSymbols => &[Capability::Syslog],
        Step::RaiseMemlock => &[Capability::SysResource],
    };
    needed.iter().copied().filter(|&c| !held.allows(c)).collect()
}

/// The command that gives an executable these capabilities, for a shell.
pub fn setcap(set: &[Capability], executable: &str) -> String {
    let names: Vec<String> = set.iter().map(|c| c.name().to_ascii_lowercase()).collect();
    format!("sudo setcap {}=ep {}", names.join(","), quoted(executable))
}

/// A word that a shell reads back as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_parsed_from_status_digits() {
        let root = Held::parse("000001fffeffffff").unwrap();
        assert!(
            Capability::ALL.iter().filter(|c| **c != Capability::SysResource).all(|c| root.has(*c))
        );
        assert!(!root.has(Capability::SysResource));
        assert_eq!(Held::parse("\t000000c000000000\n"), Some(Held::of(SMALLEST)));
        assert_eq!(Held::parse("xyz"), None);
    }

    #[test]
    fn the_step_names_only_what_is_missing() {
        let none = Held::default();
        let bpf = Held::of(&[Capability::Bpf]);
        assert_eq!(missing(Step::LoadPrograms, none, 2), SMALLEST);
        assert_eq!(missing(Step::LoadPrograms, bpf, 2), [Capability::Perfmon]);
        assert_eq!(missing(Step::OpenEvents, bpf, 2), [Capability::Perfmon]);
        assert_eq!(missing(Step::MapRings, bpf, 2), [Capability::IpcLock]);
        assert!(missing(Step::LoadPrograms, Held::of(SMALLEST), 2).is_empty());
    }

    #[test]
    fn the_documentation_has_the_same_sets() {
        let page = include_str!("../../../docs/privileges.md");
        let documented: Vec<Held> = page
            .lines()
            .filter_map(|line| line.trim().strip_prefix("sudo setcap ")?.split_once("+ep"))
            .map(|(names, _)| {
                let of_name = |name: &str| {
                    let known = Capability::ALL.into_iter();
                    known.into_iter().find(|c| c.name().eq_ignore_ascii_case(name)).unwrap()
                };
                Held::of(&names.split(',').map(of_name).collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(documented, [Held::of(SMALLEST), Held::of(FULL)]);
    }

    #[test]
    fn sys_admin_stands_for_what_it_includes_and_no_more() {
        let admin = Held::of(&[Capability::SysAdmin]);
        assert!(missing(Step::LoadPrograms, admin, 4).is_empty());
        assert!(missing(Step::OpenEvents, admin, 4).is_empty());
        assert!(missing(Step::OpenMappedFiles, admin, 4).is_empty());
        assert_eq!(missing(Step::ReadMappings, admin, 4), [Capability::SysPtrace]);
        assert_eq!(missing(Step::ReadKernelSymbols, admin, 4), [Capability::Syslog]);
    }

    #[test]
    fn paranoid_levels_of_distributions_ask_for_sys_admin() {
        assert_eq!(missing(Step::OpenEvents, Held::of(FULL), 3), [Capability::SysAdmin]);
        assert!(missing(Step::OpenEvents, Held::of(FULL), 2).is_empty());
    }

    #[test]
    fn the_command_is_safe_to_paste() {
        assert_eq!(
            setcap(SMALLEST, "/usr/bin/bpflame"),
            "sudo setcap cap_bpf,cap_perfmon=ep /usr/bin/bpflame"
        );
        assert!(setcap(SMALLEST, "/a b/it's").ends_with(r"'/a b/it'\''s'"));
    }
}

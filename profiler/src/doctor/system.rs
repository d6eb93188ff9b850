//! The kernel: version, BTF, BPF, lockdown.

use super::capabilities::Capability;
use super::finding::{Finding, Section};
use super::identity::Identity;
use super::machine::Machine;
use crate::host::exit::Kind;
use crate::host::kernel::{OLDEST, Release, WITHOUT_MEMLOCK};

/// The findings on the kernel.
pub fn section(machine: &Machine, identity: &Identity) -> Section {
    let mut section = Section::new("Kernel");
    let osrelease = machine.text("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = machine.text("/proc/version").unwrap_or_default();
    let release = Release::built(&osrelease, &version);
    section.push(release_finding(release, &osrelease));
    section.push(btf(machine, &osrelease));
    section.push(if machine.setting("kernel.unprivileged_bpf_disabled").is_some() {
        Finding::good("BPF", "available")
    } else {
        Finding::bad(Kind::Kernel, "BPF", "this kernel was built without it (CONFIG_BPF_SYSCALL)")
    });
    section.push(lockdown(machine));
    if machine.setting("net.core.bpf_jit_enable") == Some(0) {
        section.push(
            Finding::warning(
                "net.core.bpf_jit_enable",
                "0: BPF programs are interpreted, which is several times slower",
            )
            .cure("sudo sysctl net.core.bpf_jit_enable=1"),
        );
    }
    section.push(match machine.setting("kernel.bpf_stats_enabled") {
        Some(1) => Finding::good(
            "kernel.bpf_stats_enabled",
            "1: --stats includes the cost of the BPF programs",
        ),
        _ => Finding::note(
            "kernel.bpf_stats_enabled",
            "0: --stats does not include the cost of the BPF programs",
        ),
    });
    if release.is_some_and(|r| r < WITHOUT_MEMLOCK) {
        section.push(memlock(machine, identity));
    }
    section
}

fn release_finding(release: Option<Release>, osrelease: &str) -> Finding {
    let Some(release) = release else {
        return Finding::warning("version", "unknown: /proc/sys/kernel/osrelease is not readable");
    };
    let shown = if osrelease.starts_with(&release.to_string()) {
        osrelease.to_owned()
    } else {
        format!("{osrelease} (that is {release})")
    };
    if release < OLDEST {
        return Finding::bad(
            Kind::Kernel,
            "version",
            format!("{shown}: too old; {OLDEST} or newer is needed"),
        )
        .cure("boot a newer kernel");
    }
    if release.may_freeze() {
        let why = "sampling can freeze this kernel (5.19 to 6.3; fixed in 6.1.36, 6.3.10 and 6.4)";
        return Finding::bad(Kind::Kernel, "version", format!("{shown}: {why}"))
            .cure("boot a kernel with the fix, or: bpflame record --force …");
    }
    Finding::good("version", shown)
}

fn btf(machine: &Machine, osrelease: &str) -> Finding {
    let image = format!("/boot/vmlinux-{osrelease}");
    let built = format!("/lib/modules/{osrelease}/build/vmlinux");
    for path in ["/sys/kernel/btf/vmlinux", &image, &built] {
        if machine.exists(path) {
            return Finding::good("BTF", path);
        }
    }
    Finding::bad(Kind::Kernel, "BTF", "none: this kernel was built without CONFIG_DEBUG_INFO_BTF")
        .cure("boot your distribution's stock kernel")
}

fn lockdown(machine: &Machine) -> Finding {
    let text = machine.text("/sys/kernel/security/lockdown").unwrap_or_default();
    let mode = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(mode, _)| mode);
    match mode {
        "confidentiality" => {
            let why = "confidentiality: BPF programs may not read kernel memory";
            Finding::bad(Kind::NotPermitted, "lockdown", why)
                .cure("boot without lockdown=confidentiality (integrity is enough for Secure Boot)")
        }
        "" => Finding::note(
            "lockdown",
            "unknown: /sys/kernel/security is not mounted, or there is no lockdown",
        ),
        mode => Finding::good("lockdown", mode),
    }
}

fn memlock(machine: &Machine, identity: &Identity) -> Finding {
    let soft = machine.limit("Max locked memory").unwrap_or_else(|| String::from("unknown"));
    if soft == "unlimited" || identity.effective().allows(Capability::SysResource) {
        return Finding::good("RLIMIT_MEMLOCK", soft);
    }
    let fact = format!(
        "{soft} bytes limit the BPF maps on this kernel, and CAP_SYS_RESOURCE, which could raise the limit, is missing"
    );
    Finding::warning("RLIMIT_MEMLOCK", fact)
        .cure("ulimit -l unlimited (as root, before switching users)")
}

#[cfg(test)]
mod tests {
    use super::super::events;
    use super::super::finding::{Level, verdict};
    use super::super::testing::{Fake, finding, user};
    use super::*;

    #[test]
    fn a_modern_kernel_works() {
        let fake = Fake::modern();
        let sections =
            [section(&fake.machine(), &user()), events::section(&fake.machine(), &user())];
        assert_eq!(verdict(&sections), None, "{sections:?}");
        assert_eq!(finding(&sections[0], "version").fact, "6.18.44");
        assert_eq!(finding(&sections[1], "PMU").level, Level::Note);
    }

    #[test]
    fn old_and_freezing_kernels_are_refused() {
        for (release, level) in [
            ("5.4.0-1", Level::Bad),
            ("6.2.0-39-generic", Level::Bad),
            ("5.10.223", Level::Good),
            ("x", Level::Warning),
        ] {
            let fake = Fake::modern().with("/proc/sys/kernel/osrelease", release);
            let section = section(&fake.machine(), &user());
            assert_eq!(finding(&section, "version").level, level, "{release}");
        }
    }

    #[test]
    fn memlock_matters_only_before_5_11() {
        let limits = "Limit Soft Hard Units\nMax locked memory         65536                65536                bytes\n";
        let fake = Fake::modern()
            .with("/proc/sys/kernel/osrelease", "5.10.1")
            .with("/proc/self/limits", limits);
        let found = finding(&section(&fake.machine(), &user()), "RLIMIT_MEMLOCK");
        assert_eq!(found.level, Level::Warning);
        assert!(found.fact.starts_with("65536 bytes"));
        let fake = Fake::modern();
        assert!(
            section(&fake.machine(), &user())
                .findings
                .iter()
                .all(|f| f.subject != "RLIMIT_MEMLOCK")
        );
    }

    #[test]
    fn lockdown_by_mode() {
        let modes = [
            ("none [integrity] confidentiality", Level::Good),
            ("none integrity [confidentiality]", Level::Bad),
            ("garbage", Level::Note),
        ];
        for (text, level) in modes {
            let fake = Fake::modern().with("/sys/kernel/security/lockdown", text);
            assert_eq!(
                finding(&section(&fake.machine(), &user()), "lockdown").level,
                level,
                "{text}"
            );
        }
    }

    #[test]
    fn missing_btf_bpf_and_perf_events_are_the_kernels_lack() {
        let fake = Fake::new().with("/proc/sys/kernel/osrelease", "6.18.44");
        let section = section(&fake.machine(), &user());
        assert_eq!(finding(&section, "BTF").blocked, Some(Kind::Kernel));
        assert_eq!(finding(&section, "BPF").blocked, Some(Kind::Kernel));
        assert_eq!(verdict(&[events::section(&fake.machine(), &user())]), Some(Kind::Kernel));
    }
}

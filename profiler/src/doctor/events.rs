//! Perf events: who may open them, how fast, on which clock.

use super::capabilities::{Capability, Step, missing};
use super::finding::{Finding, Section};
use super::identity::Identity;
use super::machine::Machine;
use crate::host::exit::Kind;

/// The largest ring of side-band records on a CPU, in KiB: half a MiB and its head.
const RING_KB: i64 = 516;

/// The findings on perf events.
pub fn section(machine: &Machine, identity: &Identity) -> Section {
    let mut section = Section::new("Perf events");
    let Some(paranoid) = machine.setting("kernel.perf_event_paranoid") else {
        let fact = "this kernel was built without perf events (CONFIG_PERF_EVENTS)";
        section.push(Finding::bad(Kind::Kernel, "perf_event_open", fact));
        return section;
    };
    section.push(paranoid_finding(paranoid, identity));
    section.push(rate(machine));
    section.push(ring_memory(machine, identity, paranoid));
    section.push(pmu(machine));
    section.push(
        if machine.exists("/sys/kernel/tracing/events")
            || machine.exists("/sys/kernel/debug/tracing/events")
        {
            Finding::note("tracefs", "readable (record does not need it)")
        } else {
            Finding::note("tracefs", "not readable (record does not need it)")
        },
    );
    section
}

fn paranoid_finding(paranoid: i64, identity: &Identity) -> Finding {
    let name = "kernel.perf_event_paranoid";
    let lacking = missing(Step::OpenEvents, identity.effective(), paranoid);
    if lacking.is_empty() {
        return Finding::good(name, format!("{paranoid}: no restriction with these capabilities"));
    }
    if paranoid > 2 && identity.effective().allows(Capability::Perfmon) {
        let why = "from 3 on, this distribution's kernel requires CAP_SYS_ADMIN";
        return Finding::bad(Kind::NotPermitted, name, format!("{paranoid}: {why}"))
            .cure("sudo sysctl kernel.perf_event_paranoid=2");
    }
    Finding::note(
        name,
        format!("{paranoid}: matters only without CAP_PERFMON, which BPF requires anyway"),
    )
}

fn rate(machine: &Machine) -> Finding {
    let name = "kernel.perf_event_max_sample_rate";
    match machine.setting(name) {
        Some(rate) if rate < 99 => Finding::warning(
            name,
            format!(
                "{rate}: too low for the default of 99 Hz; the kernel lowers this limit by itself"
            ),
        )
        .cure("sudo sysctl kernel.perf_event_max_sample_rate=100000"),
        Some(rate) => Finding::good(name, format!("{rate}: the highest value of -F")),
        None => Finding::note(name, "not readable"),
    }
}

fn ring_memory(machine: &Machine, identity: &Identity, paranoid: i64) -> Finding {
    let name = "kernel.perf_event_mlock_kb";
    let Some(free) = machine.setting(name) else {
        return Finding::note(name, "not readable");
    };
    if paranoid < 0 || missing(Step::MapRings, identity.effective(), paranoid).is_empty() {
        return Finding::good(name, format!("{free}: no restriction here"));
    }
    let beyond = RING_KB.saturating_sub(free).clamp(0, RING_KB) * online(machine);
    let limit = machine.limit("Max locked memory");
    if beyond == 0 || limit.as_deref().is_some_and(|limit| allows(limit, beyond * 1024)) {
        return Finding::good(name, format!("{free}: enough for one recording at a time"));
    }
    let fact = format!(
        "{free} per CPU: too little for the rings ({RING_KB}), and RLIMIT_MEMLOCK does not allow the rest"
    );
    Finding::bad(Kind::NotPermitted, name, format!("{fact}; CAP_IPC_LOCK is missing"))
        .cure(format!("sudo sysctl kernel.perf_event_mlock_kb={RING_KB}"))
}

/// Whether a limit as `/proc/self/limits` shows it allows so many bytes.
fn allows(limit: &str, bytes: i64) -> bool {
    limit == "unlimited" || limit.parse::<i64>().is_ok_and(|limit| limit >= bytes)
}

/// The number of online CPUs, from a list such as `0-3,5`; at least one.
fn online(machine: &Machine) -> i64 {
    let list = machine.text("/sys/devices/system/cpu/online").unwrap_or_default();
    let count = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(
            (i64::from(last.parse::<u32>().ok()?) - i64::from(first.parse::<u32>().ok()?) + 1)
                .clamp(0, 1 << 16),
        )
    };
    list.split(',').filter_map(count).sum::<i64>().max(1)
}

fn pmu(machine: &Machine) -> Finding {
    let devices = machine.names("/sys/bus/event_source/devices");
    let is_cpu = |name: &&String| {
        matches!(name.as_str(), "cpu" | "cpu_core" | "cpu_atom" | "cpu_lowpower")
            || name.starts_with("armv8_")
            || name.starts_with("armv9_")
            || name.starts_with("apple_")
    };
    let cpus: Vec<&String> = devices.iter().filter(is_cpu).collect();
    if cpus.is_empty() {
        let fact = "none, as in most virtual machines: cpu-clock is used; time with interrupts off counts \
                    for the code that turns them on again";
        return Finding::note("PMU", fact);
    }
    let names: Vec<&str> = cpus.iter().map(|n| n.as_str()).collect();
    Finding::good("PMU", format!("{}: cycles are used", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, verdict};
    use super::super::testing::{Fake, finding, user};
    use super::*;

    #[test]
    fn distributions_with_higher_paranoia_stop_the_smallest_set() {
        let fake = Fake::modern().with("/proc/sys/kernel/perf_event_paranoid", "3");
        assert_eq!(verdict(&[section(&fake.machine(), &user())]), Some(Kind::NotPermitted));
    }

    #[test]
    fn lockable_memory_is_counted() {
        let limits = |bytes: &str| {
            format!(
                "Limit  Soft Limit  Hard Limit  Units\nMax locked memory  {bytes}  {bytes}  bytes\n"
            )
        };
        for (mlock, limit, level) in [
            ("516", "65536", Level::Good),
            ("64", "65536", Level::Bad),
            ("64", "8388608", Level::Good),
            ("64", "unlimited", Level::Good),
        ] {
            let fake = Fake::modern()
                .with("/proc/sys/kernel/perf_event_mlock_kb", mlock)
                .with("/sys/devices/system/cpu/online", "0-1,3\n")
                .with("/proc/self/limits", &limits(limit));
            let section = section(&fake.machine(), &user());
            assert_eq!(
                finding(&section, "kernel.perf_event_mlock_kb").level,
                level,
                "{mlock} {limit}"
            );
        }
    }

    #[test]
    fn a_pmu_is_recognized() {
        for name in ["cpu", "cpu_core", "armv8_pmuv3_0"] {
            let fake =
                Fake::modern().with(&format!("/sys/bus/event_source/devices/{name}/type"), "4");
            let found = finding(&section(&fake.machine(), &user()), "PMU");
            assert_eq!(found.fact, format!("{name}: cycles are used"));
        }
    }
}

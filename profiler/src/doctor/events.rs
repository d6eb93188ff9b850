//! Perf events: who may open them, how fast, on which clock.

use super::capabilities::{Capability, Step, missing};
use super::finding::{Finding, Section};
use super::identity::Identity;
use super::machine::Machine;
use crate::exit::Kind;

/// What perf events allow.
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
        return Finding::good(name, format!("{paranoid}: no hindrance with these capabilities"));
    }
    if paranoid > 2 && identity.effective().allows(Capability::Perfmon) {
        let why = "this distribution's kernel asks for CAP_SYS_ADMIN from 3 on";
        return Finding::bad(Kind::NotPermitted, name, format!("{paranoid}: {why}"))
            .cure("sudo sysctl kernel.perf_event_paranoid=2");
    }
    Finding::note(
        name,
        format!("{paranoid}: counts only without CAP_PERFMON, and then BPF refuses anyway"),
    )
}

fn rate(machine: &Machine) -> Finding {
    let name = "kernel.perf_event_max_sample_rate";
    match machine.setting(name) {
        Some(rate) if rate < 99 => Finding::warning(
            name,
            format!("{rate}: the default of 99 Hz is refused; the kernel lowers it by itself"),
        )
        .cure("sudo sysctl kernel.perf_event_max_sample_rate=100000"),
        Some(rate) => Finding::good(name, format!("{rate}: the highest -F")),
        None => Finding::note(name, "not readable"),
    }
}

fn ring_memory(machine: &Machine, identity: &Identity, paranoid: i64) -> Finding {
    let name = "kernel.perf_event_mlock_kb";
    let size =
        machine.setting(name).map_or_else(|| String::from("not readable"), |kb| format!("{kb}"));
    if paranoid < 0 || missing(Step::MapRings, identity.effective(), paranoid).is_empty() {
        return Finding::good(name, format!("{size}: no hindrance"));
    }
    Finding::note(name, format!("{size}: bounds the rings of a CPU without CAP_IPC_LOCK"))
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
        let fact = "none, as in most virtual machines: cpu-clock is used; code that runs with interrupts off \
                    shows up where it ends";
        return Finding::note("PMU", fact);
    }
    let names: Vec<&str> = cpus.iter().map(|n| n.as_str()).collect();
    Finding::good("PMU", format!("{}: cycles are used", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::finding::verdict;
    use super::super::testing::{Fake, finding, user};
    use super::*;

    #[test]
    fn distributions_with_higher_paranoia_stop_the_smallest_set() {
        let fake = Fake::modern().with("/proc/sys/kernel/perf_event_paranoid", "3");
        assert_eq!(verdict(&[section(&fake.machine(), &user())]), Some(Kind::NotPermitted));
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

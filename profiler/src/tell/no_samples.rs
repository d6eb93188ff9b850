//! The message of a recording without samples: the reason, and what to change.

use crate::cli::config::Config;
use crate::cli::target_spec::TargetSpec;
use crate::host::exit::{Failure, Kind};
use crate::record::recorded::{End, Recorded};
use crate::target::resolved::ResolvedTarget;
use output::Facts;
use output::facts::Rate;
use output::tell as words;

/// A higher rate that short programs can be recorded with. From this rate on, none is advised.
const SHORT_PROGRAMS: u32 = 4_999;

/// What is known of the target at the end of a recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// The target, as typed.
    pub spec: &'a TargetSpec,
    /// Whether it has ended.
    pub ended: bool,
    /// Whether only some CPUs were sampled.
    pub some_cpus: bool,
    /// Its CPU time during the recording, in nanoseconds; `None` if it is unknown.
    pub cpu_time: Option<u64>,
    /// The number of its child processes that were not recorded and still run.
    pub children: usize,
}

impl<'a> Target<'a> {
    /// The target of a recording that is over. `living` are the recorded processes that still run.
    pub(crate) fn of(
        config: &'a Config,
        target: &ResolvedTarget,
        recorded: &Recorded,
        living: &[u32],
    ) -> Self {
        Self {
            spec: &config.target,
            ended: matches!(recorded.end, End::Gone | End::Finished),
            some_cpus: config.sampling.cpus.is_some(),
            cpu_time: recorded.cut.accounted,
            children: target.unrecorded_children(&config.target, living),
        }
    }
}

/// The failure for a recording without samples.
pub(crate) fn nothing(facts: &Facts, target: &Target<'_>) -> Failure {
    let lost = facts.lost_share() > 0.5;
    let counts = facts.cpu.is_none() && !facts.events.is_empty();
    let why = match (lost, counts) {
        (true, _) => words::lost(facts),
        (_, true) => did_not_occur(facts),
        _ => did_not_run(facts, target),
    };
    let children = match target.children {
        0 => String::new(),
        1 => String::from(", and its child process was not recorded"),
        n => format!(", and its {n} child processes were not recorded"),
    };
    let message = format!("no samples, nothing written: {why}{children}");
    let cures: Vec<String> = [
        (target.children > 0).then(|| String::from("add --tree to record child processes")),
        longer(target),
        if lost || target.cpu_time == Some(0) { None } else { more_often(facts, target) },
    ]
    .into_iter()
    .flatten()
    .collect();
    Failure::new(Kind::NoSamples, message).cure(cures.join(", or "))
}

fn did_not_occur(facts: &Facts) -> String {
    let names: Vec<&str> = facts.events.iter().map(|event| event.name.as_str()).collect();
    let each = facts.events.iter().all(|event| event.rate == Rate::Every(1));
    let often = if each { "" } else { " often enough" };
    format!("{} did not occur{often} in {}", names.join(" and "), facts.target)
}

fn did_not_run(facts: &Facts, target: &Target<'_>) -> String {
    let name = &facts.target;
    match (target.cpu_time, target.spec) {
        (_, TargetSpec::Machine) => String::from("the sampled CPUs were idle"),
        (Some(cpu), _) if target.ended && cpu > 0 => {
            format!("{name} ended after {} of CPU time", time(cpu))
        }
        _ if target.ended => format!("{name} ended before the first sample"),
        _ if target.some_cpus => format!("{name} did not run on the CPUs of -C"),
        (Some(0), _) => format!("{name} was waiting and used no CPU time"),
        (Some(cpu), _) => format!("{name} used only {} of CPU time", time(cpu)),
        (None, _) => format!("{name} did not run during the recording"),
    }
}

/// The cure by more time. A target that has ended cannot be recorded for longer.
fn longer(target: &Target<'_>) -> Option<String> {
    let waits = !matches!(target.spec, TargetSpec::Machine) && target.cpu_time == Some(0);
    let cure = match target.spec {
        _ if target.ended => return None,
        TargetSpec::Command(_) => "record until it ends (leave out -d)",
        _ if waits => "record it while it works (-d sets the duration)",
        _ => "record longer with -d",
    };
    Some(String::from(cure))
}

/// The cure by a higher rate.
fn more_often(facts: &Facts, target: &Target<'_>) -> Option<String> {
    let rates = || facts.events.iter().map(|event| event.rate);
    if let Some(hertz) = rates().find_map(Rate::hertz) {
        let short = target.ended && hertz < SHORT_PROGRAMS;
        let example = if short { format!(", as in -F {SHORT_PROGRAMS}") } else { String::new() };
        return Some(format!("sample more often with -F{example}"));
    }
    let some = rates().any(|rate| matches!(rate, Rate::Every(2..)));
    some.then(|| String::from("sample each occurrence with a count of 1"))
}

/// Nanoseconds in a readable unit.
fn time(nanoseconds: u64) -> String {
    let ms = nanoseconds as f64 / 1e6;
    if ms < 1_000.0 { format!("{ms:.1} ms") } else { format!("{:.1} s", ms / 1e3) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Wanted;
    use output::facts::{CpuTime, EventFacts};

    fn facts(rate: Rate, lost: u64) -> Facts {
        let event = EventFacts {
            name: String::from("page-faults"),
            rate,
            lost: [("missed ticks", lost)].into(),
            ..EventFacts::default()
        };
        let cpu = rate.hertz().map(|_| CpuTime::default());
        Facts { target: String::from("it (7)"), events: vec![event], cpu, ..Facts::default() }
    }

    fn process() -> TargetSpec {
        TargetSpec::Processes { wanted: vec![Wanted::Pid(7)], tree: false }
    }

    fn target(spec: &TargetSpec) -> Target<'_> {
        Target { spec, ended: false, some_cpus: false, cpu_time: Some(0), children: 0 }
    }

    fn said(facts: &Facts, target: &Target<'_>) -> String {
        let said = nothing(facts, target).to_string();
        said.strip_prefix("no samples, nothing written: ").unwrap().to_owned()
    }

    #[test]
    fn a_process_that_waits_or_hardly_runs() {
        let (spec, timer) = (process(), facts(Rate::Hertz(99), 0));
        assert_eq!(
            said(&timer, &target(&spec)),
            "it (7) was waiting and used no CPU time; record it while it works (-d sets the duration)"
        );
        let some = Target { cpu_time: Some(1_250_000), ..target(&spec) };
        assert_eq!(
            said(&timer, &some),
            "it (7) used only 1.2 ms of CPU time; record longer with -d, or sample more often with -F"
        );
        let pinned = Target { cpu_time: None, some_cpus: true, ..target(&spec) };
        assert!(said(&timer, &pinned).starts_with("it (7) did not run on the CPUs of -C; "));
    }

    #[test]
    fn children_that_were_left_out_are_counted() {
        let (spec, timer) = (process(), facts(Rate::Hertz(99), 0));
        let master = Target { children: 4, ..target(&spec) };
        let told = said(&timer, &master);
        assert!(
            told.starts_with(
                "it (7) was waiting and used no CPU time, and its 4 child processes were not recorded; \
                 add --tree"
            ),
            "{told}"
        );
    }

    #[test]
    fn what_has_ended_is_never_recorded_longer() {
        let commands = [TargetSpec::Command(vec!["true".into()]), process()];
        for (spec, cpu) in commands.iter().flat_map(|spec| [0, 800_000].map(|cpu| (spec, cpu))) {
            let ended = Target { ended: true, cpu_time: Some(cpu), ..target(spec) };
            for rate in [Rate::Hertz(99), Rate::Every(100)] {
                let told = said(&facts(rate, 0), &ended);
                assert!(!told.contains("-d"), "{told}");
            }
        }
        let ended = Target { ended: true, cpu_time: Some(800_000), ..target(&commands[0]) };
        assert_eq!(
            said(&facts(Rate::Hertz(99), 0), &ended),
            "it (7) ended after 0.8 ms of CPU time; sample more often with -F, as in -F 4999"
        );
    }

    #[test]
    fn events_that_did_not_occur_and_lost_samples() {
        let spec = TargetSpec::Machine;
        let idle = Target { cpu_time: None, ..target(&spec) };
        assert_eq!(
            said(&facts(Rate::Every(100), 0), &idle),
            "page-faults did not occur often enough in it (7); record longer with -d, or sample each \
             occurrence with a count of 1"
        );
        assert_eq!(
            said(&facts(Rate::Every(1), 0), &idle),
            "page-faults did not occur in it (7); record longer with -d"
        );
        let lost = said(&facts(Rate::Hertz(99), 9), &idle);
        assert_eq!(lost, "9 lost (missed ticks 9); record longer with -d");
    }
}

//! A recording in words: one line for the terminal and the graph, comments for files, and warnings.

use super::number::{counted, grouped, percent};
use super::stacks;
use crate::model::facts::{CpuTime, EventFacts, Facts, Problem, Rate, SpoiltFile, Warning};

/// The summary: samples, CPU time and its difference, losses by cause, and completeness.
pub fn line(facts: &Facts) -> String {
    let quality = &facts.quality;
    let mut parts = vec![samples(facts)];
    parts.extend(facts.cpu.as_ref().map(cpu));
    parts.push(lost(facts));
    parts.extend(stacks::phrase(quality));
    if quality.kernel_truncated > 0 {
        let cut = percent(quality.of_samples(quality.kernel_truncated));
        parts.push(format!("{cut} with a truncated kernel stack"));
    }
    if let Some(reason) = quality.main_reason() {
        let unnamed = percent(quality.unnamed_share());
        parts.push(format!("{unnamed} of user frames unnamed ({reason})"));
    }
    let foreign = facts.sum(|event| event.foreign);
    if foreign > 0 {
        parts.push(format!("{} in other PID namespaces", grouped(foreign)));
    }
    if facts.side_band_lost > 0 {
        parts.push(format!("{} lost", counted(facts.side_band_lost, "mapping record")));
    }
    parts.join(", ")
}

/// The number of samples. It is given for each event if there are several, or if the samples do not stand for time.
fn samples(facts: &Facts) -> String {
    let all = counted(facts.quality.samples, "sample");
    let of_event = |event: &EventFacts| match event.rate {
        _ if event.samples == 0 => format!("none of {}", event.name),
        Rate::Hertz(_) => format!("{} of {}", grouped(event.samples), event.name),
        Rate::Every(_) => {
            format!("{} for {} {}", grouped(event.samples), grouped(event.weight), event.name)
        }
    };
    let events: Vec<String> = facts.events.iter().map(of_event).collect();
    match facts.events.as_slice() {
        [] | [EventFacts { rate: Rate::Hertz(_), .. }] => all,
        [_] => format!("{all} ({})", events.join(", ")),
        several => {
            // A graph without samples would be empty.
            let shown = several.iter().find(|event| event.samples > 0).unwrap_or(&several[0]);
            format!("{all} ({}; graphs show {})", events.join(", "), shown.name)
        }
    }
}

fn cpu(cpu: &CpuTime) -> String {
    let time = format!("{:.2} CPU s", cpu.sampled as f64 / 1e9);
    match cpu.difference() {
        Some(difference) => format!(
            "{time} ({:+.1} % against {}, ±{:.1} % expected)",
            difference * 100.0,
            cpu.account,
            cpu.expected_difference() * 100.0
        ),
        None if cpu.account.is_empty() => time,
        None => format!("{time} (no kernel figure to compare with)"),
    }
}

/// The number of lost samples, by cause.
pub fn lost(facts: &Facts) -> String {
    if facts.lost_total() == 0 {
        return String::from("none lost");
    }
    let causes = facts.lost_by_cause().into_iter().filter(|(_, count)| *count > 0);
    let causes: Vec<String> =
        causes.map(|(cause, count)| format!("{cause} {}", grouped(count))).collect();
    format!("{} lost ({})", grouped(facts.lost_total()), causes.join(", "))
}

/// An event, and the runs of the sampling program for it. Ticks are expected of a timer alone.
fn event(event: &EventFacts, cpus: usize) -> String {
    let EventFacts { name, rate, runs, idle, expected, .. } = event;
    let cpus = counted(cpus as u64, "CPU");
    let ticks = rate.hertz().map(|_| format!(", expected ticks: {expected}")).unwrap_or_default();
    format!("event: {name} {rate} on {cpus}, runs: {runs}, idle runs: {idle}{ticks}")
}

/// The facts that the summary leaves out, one on each line.
pub(super) fn comments(facts: &Facts) -> Vec<String> {
    let quality = &facts.quality;
    let mut lines = vec![format!("bpflame {}: {}", facts.version, facts.target)];
    lines.extend(facts.events.iter().map(|event| self::event(event, facts.cpus)));
    lines.extend(stacks::comments(quality));
    for unnamed in &quality.unnamed {
        lines.push(format!(
            "unnamed user frames, {}: {} of {}",
            unnamed.reason, unnamed.frames, quality.user_frames
        ));
    }
    if quality.approximate_frames > 0 {
        let (near, all) = (quality.approximate_frames, quality.user_frames);
        lines.push(format!("user frames whose line or inlining is approximate: {near} of {all}"));
    }
    for SpoiltFile { file, what } in &facts.spoilt_files {
        lines.push(format!("warning: {file}: {what}"));
    }
    lines
}

/// The warnings, each with its cures. The last one is about foreign files.
pub fn warnings(facts: &Facts) -> Vec<String> {
    let warnings = facts.warnings.iter().map(|warning| self::warning(warning, facts));
    warnings.chain(spoilt_files(facts)).collect()
}

fn warning(warning: &Warning, facts: &Facts) -> String {
    let quality = &facts.quality;
    let problem = match warning.problem {
        Problem::Unnamed => {
            let (share, reason) = (percent(quality.unnamed_share()), quality.main_reason());
            format!("{share} of the user frames have no name ({})", reason.unwrap_or_default())
        }
        Problem::KernelHidden => String::from("the kernel hides the names of its functions"),
        Problem::Incomplete => {
            let share = percent(quality.of_user_stacks(quality.incomplete));
            format!("{share} of the user stacks lack callers")
        }
        Problem::Unsure => {
            let share = percent(quality.of_user_stacks(quality.unsure));
            format!("{share} of the user stacks may lack a caller")
        }
        Problem::Lost => String::from("many samples were lost"),
    };
    format!("{problem}; {}", warning.cures.join("; "))
}

fn spoilt_files(facts: &Facts) -> Option<String> {
    let first = facts.spoilt_files.first()?;
    let others = match facts.spoilt_files.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    Some(format!("{}: {}{others}", first.file, first.what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::quality::{Defect, Defects, Quality, Unnamed};

    fn facts() -> Facts {
        let quality = Quality {
            samples: 1_234,
            user_samples: 1_000,
            user_frames: 10_000,
            complete: 999,
            incomplete: 1,
            incomplete_by: Defects([((Defect::Truncated, String::from("deep")), 1)].into()),
            unnamed: vec![
                Unnamed { reason: "no mapping at the address", frames: 10 },
                Unnamed { reason: "no symbols in the file", frames: 2_500 },
            ],
            ..Quality::default()
        };
        let event = EventFacts {
            name: String::from("cycles"),
            rate: Rate::Hertz(99),
            lost: [("ring full", 10)].into(),
            ..EventFacts::default()
        };
        Facts {
            target: String::from("it"),
            events: vec![event],
            cpus: 4,
            cpu: Some(CpuTime {
                samples: 1_234,
                sampled: 12_460_000_000,
                accounted: Some(12_500_000_000),
                account: "schedstat",
            }),
            lost: [("stack missing", 2)].into(),
            quality,
            ..Facts::default()
        }
    }

    #[test]
    fn the_line_has_it_all() {
        assert_eq!(
            line(&facts()),
            "1,234 samples, 12.46 CPU s (-0.3 % against schedstat, ±2.8 % expected), 12 lost (ring full 10, \
             stack missing 2), stacks 99.9 % complete, 0.0 % with a guess, 0.1 % incomplete (truncated in deep 0.1 %), 25.1 % of user frames unnamed (no symbols in the file)"
        );
    }

    #[test]
    fn nothing_wrong_is_short() {
        let quality = Quality { samples: 5, ..Quality::default() };
        assert_eq!(line(&Facts { quality, ..Facts::default() }), "5 samples, none lost");
    }

    #[test]
    fn each_event_has_its_samples_and_those_of_counts_what_they_stand_for() {
        let event = |name: &str, rate| EventFacts {
            name: String::from(name),
            rate,
            samples: 1_234,
            weight: 123_400,
            ..EventFacts::default()
        };
        let (clock, faults) =
            (event("cpu-clock", Rate::Hertz(99)), event("page-faults", Rate::Every(100)));
        let quality = Quality { samples: 2_468, ..Quality::default() };
        let said =
            |events| samples(&Facts { events, quality: quality.clone(), ..Facts::default() });
        assert_eq!(said(vec![clock.clone()]), "2,468 samples");
        let of_faults = "1,234 for 123,400 page-faults";
        assert_eq!(said(vec![faults.clone()]), format!("2,468 samples ({of_faults})"));
        let both = said(vec![clock.clone(), faults.clone()]);
        let of_both = format!("1,234 of cpu-clock, {of_faults}");
        assert_eq!(both, format!("2,468 samples ({of_both}; graphs show cpu-clock)"));
        let none = EventFacts { samples: 0, weight: 0, ..faults };
        assert_eq!(
            said(vec![none, clock]),
            "2,468 samples (none of page-faults, 1,234 of cpu-clock; graphs show cpu-clock)"
        );
        let one = Quality { samples: 1, ..Quality::default() };
        assert_eq!(samples(&Facts { quality: one, ..Facts::default() }), "1 sample");
    }

    #[test]
    fn without_an_account_that_is_said() {
        let mut time = facts().cpu.unwrap();
        time.accounted = None;
        assert_eq!(cpu(&time), "12.46 CPU s (no kernel figure to compare with)");
        time.account = "";
        assert_eq!(cpu(&time), "12.46 CPU s");
    }

    #[test]
    fn comments_have_every_event_and_every_reason() {
        let mut facts = facts();
        let rate = Rate::Every(1_000);
        let name = String::from("page-faults");
        facts.events[0].expected = 400;
        facts.events[0].runs = 390;
        facts.events.push(EventFacts { name, rate, runs: 12, ..EventFacts::default() });
        facts.spoilt_files = vec![SpoiltFile { file: "/a".into(), what: "is odd".into() }];
        let lines = comments(&facts);
        for line in [
            "bpflame : it",
            "event: cycles at 99 Hz on 4 CPUs, runs: 390, idle runs: 0, expected ticks: 400",
            "event: page-faults every 1000 on 4 CPUs, runs: 12, idle runs: 0",
            "unnamed user frames, no mapping at the address: 10 of 10000",
            "unnamed user frames, no symbols in the file: 2500 of 10000",
            "warning: /a: is odd",
        ] {
            assert!(lines.iter().any(|l| l == line), "{line} in {lines:?}");
        }
    }

    #[test]
    fn a_warning_is_a_problem_with_its_share_and_its_cures() {
        let mut facts = facts();
        facts.quality.incomplete = 201;
        let warning =
            |problem| Warning { problem, cures: vec!["do this".into(), "or that".into()] };
        facts.warnings = vec![warning(Problem::Unnamed), warning(Problem::Incomplete)];
        let spoilt = |file: &str| SpoiltFile { file: file.into(), what: "is odd".into() };
        facts.spoilt_files = vec![spoilt("a"), spoilt("b"), spoilt("c")];
        assert_eq!(
            warnings(&facts),
            [
                "25.1 % of the user frames have no name (no symbols in the file); do this; or that",
                "20.1 % of the user stacks lack callers; do this; or that",
                "a: is odd (and 2 more)"
            ]
        );
        assert_eq!(warnings(&Facts::default()), Vec::<String>::new());
    }
}

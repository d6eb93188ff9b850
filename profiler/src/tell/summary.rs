//! The summary of a recording: one line for the terminal and the graph, comments for pprof, and warnings.

mod wholeness;

use crate::tell::facts::Facts;
use symbolizer::Reason;

/// The share of unnamed frames, or of incomplete stacks, above which a warning is printed.
const WORTH_A_WARNING: f64 = 0.2;

/// The cure for stacks that a walk by frame pointers cannot follow.
const FRAME_POINTERS: &str = "build with -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer \
                              (Rust: -C force-frame-pointers=yes)";

/// The summary line: samples, CPU time and its difference, losses by cause, and completeness.
pub(crate) fn line(facts: &Facts) -> String {
    let quality = &facts.quality;
    let mut parts = vec![format!("{} samples", grouped(quality.samples)), cpu(facts), lost(facts)];
    parts.extend(wholeness::phrase(facts));
    if quality.kernel_truncated > 0 {
        let cut = percent(facts.of_samples(quality.kernel_truncated));
        parts.push(format!("{cut} with a truncated kernel stack"));
    }
    if let Some(reason) = quality.main_reason() {
        let unnamed = percent(facts.unresolved_share());
        parts.push(format!("{unnamed} of user frames unnamed ({})", reason.phrase()));
    }
    if facts.foreign > 0 {
        parts.push(format!("{} in other PID namespaces", grouped(facts.foreign)));
    }
    if facts.side_band_lost > 0 {
        parts.push(format!("{} mapping records lost", grouped(facts.side_band_lost)));
    }
    parts.join(", ")
}

fn cpu(facts: &Facts) -> String {
    let time = format!("{:.2} CPU s", facts.cpu_time as f64 / 1e9);
    match facts.difference() {
        Some(difference) => format!(
            "{time} ({:+.1} % against {}, ±{:.1} % expected)",
            difference * 100.0,
            facts.account,
            facts.expected_difference() * 100.0
        ),
        None if facts.account.is_empty() => time,
        None => format!("{time} (no kernel figure to compare with)"),
    }
}

/// The number of lost samples, by cause.
pub(crate) fn lost(facts: &Facts) -> String {
    if facts.lost_total() == 0 {
        return String::from("none lost");
    }
    let causes = facts.lost.iter().filter(|(_, count)| **count > 0);
    let causes: Vec<String> =
        causes.map(|(cause, count)| format!("{cause} {}", grouped(*count))).collect();
    format!("{} lost ({})", grouped(facts.lost_total()), causes.join(", "))
}

/// The facts as comments of a pprof file, one a line.
pub(crate) fn comments(facts: &Facts) -> Vec<String> {
    let quality = &facts.quality;
    let mut lines = vec![
        format!("bpflame {}: {}", env!("CARGO_PKG_VERSION"), facts.target),
        format!("event: {} at {} Hz on {} CPUs", facts.event, facts.frequency, facts.cpus),
        format!(
            "idle runs: {}, expected ticks: {}, runs: {}",
            facts.idle, facts.expected, facts.runs
        ),
    ];
    lines.extend(wholeness::comments(facts));
    for (reason, frames) in &quality.unresolved {
        lines.push(format!(
            "unnamed user frames, {}: {frames} of {}",
            reason.phrase(),
            quality.user_frames
        ));
    }
    for warning in &facts.warnings {
        lines.push(format!("warning: {}: {}", warning.file, warning.what));
    }
    lines
}

/// The warnings, each with its cure.
pub(crate) fn warnings(facts: &Facts) -> Vec<String> {
    let quality = &facts.quality;
    let mut list = Vec::new();
    if facts.unresolved_share() > WORTH_A_WARNING {
        let shares = percent(facts.unresolved_share());
        let reason = quality.main_reason().map_or("", Reason::phrase);
        let cures: Vec<&str> = cures(facts);
        list.push(format!(
            "{shares} of the user frames have no name ({reason}); {}",
            cures.join("; ")
        ));
    }
    list.extend(wholeness::warnings(facts));
    // A handful of ticks on a machine that idles is no cause.
    let many = facts.lost.values().sum::<u64>() * 100 > facts.expected;
    if many && facts.lost_share() > WORTH_A_WARNING {
        list.push(String::from("many samples were lost; a lower -F helps"));
    }
    list.extend(unreadable_files(facts));
    list
}

fn unreadable_files(facts: &Facts) -> Option<String> {
    let first = facts.warnings.first()?;
    let others = match facts.warnings.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    Some(format!("{}: {}{others}", first.file, first.what))
}

/// The cures for unnamed frames, for the reasons found.
fn cures(facts: &Facts) -> Vec<&'static str> {
    let quality = &facts.quality;
    let mut list: Vec<&str> = quality.runtimes.iter().map(|runtime| runtime.hint()).collect();
    match quality.main_reason() {
        Some(Reason::Stripped | Reason::NoSymbol) => list.push(
            "install the packages with the debug symbols (-dbg, -dbgsym, -debuginfo), or use --debuginfod",
        ),
        Some(Reason::NoMapping) => {
            list.push("such addresses come from programs built without frame pointers");
            list.push(match facts.unwind {
                bpf::Unwind::FramePointers => wholeness::BY_RULES,
                bpf::Unwind::Auto | bpf::Unwind::Rules => FRAME_POINTERS,
            });
        }
        Some(Reason::NotPermitted) => list.push("run it with sudo"),
        Some(Reason::NoJitMap | Reason::NoJitEntry) if quality.runtimes.is_empty() => {
            list.push("code made at run time needs a perf map from its runtime");
        }
        Some(Reason::JitMapRefused) => {
            list.push("the perf map must be a regular file that belongs to the process's user");
        }
        _ if list.is_empty() => list.push("`bpflame doctor -p PID` looks at one process closely"),
        _ => {}
    }
    list
}

/// `12.3 %`; what is not nothing is not shown as nothing, and what is not all not as all.
fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 0.1 => String::from("<0.1 %"),
        percent if percent > 99.9 && percent < 100.0 => String::from(">99.9 %"),
        percent => format!("{percent:.1} %"),
    }
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::completeness::Why;
    use crate::judge::quality::Quality;

    fn facts() -> Facts {
        let quality = Quality {
            samples: 1_234,
            user_samples: 1_000,
            user_frames: 10_000,
            complete: 999,
            incomplete: 1,
            incomplete_by: [((Why::Truncated, String::from("deep")), 1)].into(),
            unresolved: [(Reason::Stripped, 2_500), (Reason::NoMapping, 10)].into(),
            ..Quality::default()
        };
        Facts {
            cpu_time: 12_460_000_000,
            accounted: Some(12_500_000_000),
            account: "schedstat",
            lost: [("ring full", 10), ("stack missing", 2)].into(),
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
        assert_eq!(
            line(&Facts { quality, ..Facts::default() }),
            "5 samples, 0.00 CPU s, none lost"
        );
    }

    #[test]
    fn without_an_account_that_is_said() {
        let facts = Facts { accounted: None, ..facts() };
        assert_eq!(cpu(&facts), "12.46 CPU s (no kernel figure to compare with)");
        assert_eq!(cpu(&Facts { account: "", ..facts }), "12.46 CPU s");
    }

    #[test]
    fn a_fifth_without_names_is_a_warning_with_a_cure() {
        let warned = warnings(&facts());
        assert_eq!(warned.len(), 1);
        assert!(warned[0].contains("debuginfod"), "{warned:?}");
        let mut better = facts();
        better.quality.unresolved = [(Reason::Stripped, 2_000)].into();
        assert_eq!(warnings(&better), Vec::<String>::new());
    }

    #[test]
    fn a_runtime_s_switch_is_named() {
        let mut facts = facts();
        facts.quality.unresolved = [(Reason::NoJitMap, 9_000)].into();
        facts.quality.runtimes = symbolizer::Runtime::of_file(b"node").into_iter().collect();
        assert!(warnings(&facts)[0].contains("--perf-basic-prof"));
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}

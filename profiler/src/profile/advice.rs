//! Advice for the user of a recording: the problems, and their cures.

use crate::judge::quality::Judged;
use output::Facts;
use output::facts::{Problem, Rate, Warning};
use output::quality::{Defect, Defects};
use std::borrow::Cow;
use symbolizer::Reason;

/// The share of unnamed frames, or of incomplete stacks, above which a warning is printed.
const WORTH_A_WARNING: f64 = 0.2;

/// The fewest samples or frames that are worth a warning: shares of fewer are chance.
const FEWEST: u64 = 10;

/// The cure for stacks that a walk by frame pointers cannot follow.
const FRAME_POINTERS: &str = "build with -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer \
                              (Rust: -C force-frame-pointers=yes)";

/// The cure for stacks that were walked by frame pointer although there are rules.
const BY_RULES: &str =
    "leave out --unwind fp, so that programs without frame pointers are walked by unwind rules";

/// The settings that advice depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// The mode of walking user stacks.
    pub unwind: bpf::Unwind,
    /// Whether the whole machine was recorded.
    pub machine: bool,
}

/// The warnings, each with its cures.
pub(super) fn advice(facts: &Facts, judged: &Judged, how: How) -> Vec<Warning> {
    let quality = &facts.quality;
    let mut list = Vec::new();
    let few = quality.user_samples.min(quality.unnamed_frames()) < FEWEST;
    if quality.unnamed_share() > WORTH_A_WARNING && !few {
        list.push(warning(Problem::Unnamed, cures(judged, how.unwind)));
    }
    if judged.kernel_hidden {
        let cure = "run it with sudo, or give bpflame's file cap_syslog as well";
        list.push(warning(Problem::KernelHidden, vec![cure]));
    }
    for (problem, samples, by) in [
        (Problem::Incomplete, quality.incomplete, &quality.incomplete_by),
        (Problem::Unsure, quality.unsure, &quality.unsure_by),
    ] {
        if quality.of_user_stacks(samples) > WORTH_A_WARNING && samples >= FEWEST {
            list.extend(stacks(problem, by, how));
        }
    }
    list.extend(lost(facts));
    list
}

/// The warning about lost samples.
fn lost(facts: &Facts) -> Option<Warning> {
    // A few lost ticks on an idle machine are no reason for a warning.
    let many = facts.lost_total() * 100 > facts.sum(|event| event.expected);
    if !many || facts.lost_total() < FEWEST || facts.lost_share() <= WORTH_A_WARNING {
        return None;
    }
    let most = facts.events.iter().max_by_key(|event| event.lost.values().sum::<u64>());
    let cure = match most.map(|event| event.rate) {
        Some(Rate::Every(_)) => "a higher count or a smaller target helps",
        _ => "a lower -F helps",
    };
    Some(warning(Problem::Lost, vec![cure]))
}

fn warning(problem: Problem, cures: Vec<&'static str>) -> Warning {
    Warning { problem, cures: cures.into_iter().map(Into::into).collect() }
}

fn stacks(problem: Problem, by: &Defects, how: How) -> Option<Warning> {
    by.main().map(|defect| Warning { problem, cures: vec![cure(defect, by, how)] })
}

/// The file of code that was made at run time.
const RUN_TIME_CODE: &str = "[jit]";

/// The explanation of stacks that were sampled before their unwind tables were ready.
fn not_ready(by: &Defects, machine: bool) -> &'static str {
    let stale = |(defect, ..): &(Defect, &str, u64)| *defect == Defect::Stale;
    let mut largest = by.largest().into_iter().filter(stale);
    match largest.next() {
        Some((_, RUN_TIME_CODE, _)) => {
            "this code was compiled just before it was sampled; such stacks become fewer once the program is warm"
        }
        _ if machine => {
            "the unwind tables of the whole machine are built while it is sampled; in a longer recording such stacks are a smaller share"
        }
        _ => {
            "the unwind tables of a program are built in the first milliseconds after it has started or loaded a library"
        }
    }
}

/// The cures for unnamed frames, by the reasons that were found.
fn cures(judged: &Judged, unwind: bpf::Unwind) -> Vec<&'static str> {
    let mut list: Vec<&str> = judged.runtimes.iter().filter_map(|runtime| runtime.hint()).collect();
    match judged.main_reason() {
        Some(Reason::Stripped | Reason::NoSymbol) => list.push(
            if cfg!(feature = "debuginfod") {
                "install the packages with the debug symbols (-dbg, -dbgsym, -debuginfo), or use --debuginfod"
            } else {
                "install the packages with the debug symbols (-dbg, -dbgsym, -debuginfo)"
            },
        ),
        Some(Reason::NoMapping) => {
            list.push("such addresses come from programs built without frame pointers");
            list.push(match unwind {
                bpf::Unwind::FramePointers => BY_RULES,
                bpf::Unwind::Auto | bpf::Unwind::Rules => FRAME_POINTERS,
            });
        }
        Some(Reason::NotPermitted) => list.push("run it with sudo"),
        Some(Reason::NoJitMap | Reason::NoJitEntry) if judged.runtimes.is_empty() => {
            list.push("run-time code needs a perf map or a jitdump from its runtime");
        }
        Some(Reason::JitMapRefused) => {
            list.push("the perf map must be a regular file that belongs to the process's user");
        }
        _ if list.is_empty() => list.push("`bpflame doctor -p PID` examines one process"),
        _ => {}
    }
    list
}

/// The cure for a defect of stacks, or its explanation.
fn cure(defect: Defect, by: &Defects, how: How) -> Cow<'static, str> {
    let by_frame_pointer = matches!(
        defect,
        Defect::Broken | Defect::Unreadable | Defect::CallerMayBeMissing | Defect::NoMapping
    );
    let cure = match defect {
        _ if by_frame_pointer && how.unwind == bpf::Unwind::FramePointers => BY_RULES,
        Defect::Broken | Defect::Unreadable | Defect::CallerMayBeMissing => {
            return Cow::Owned(format!(
                "code that has neither unwind rules nor frame pointers cannot be walked: {FRAME_POINTERS}"
            ));
        }
        Defect::Stale => not_ready(by, how.machine),
        Defect::Truncated => "they are deeper than the limit",
        Defect::NoFunctions => {
            "the interpreter was between two functions, or its memory is not what its version says"
        }
        Defect::Compat => "only the innermost frame of a 32-bit process is known",
        Defect::NoRule | Defect::Unsupported | Defect::LostRegister | Defect::NoMapping => {
            "`bpflame doctor -p PID` shows how each file of a process is walked"
        }
    };
    Cow::Borrowed(cure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::quality::{Quality, Unnamed};

    fn judged(unnamed: &[(Reason, u64)]) -> Judged {
        let list = unnamed.iter();
        let list =
            list.map(|(reason, frames)| Unnamed { reason: reason.phrase(), frames: *frames });
        let quality = Quality {
            samples: 1_000,
            user_samples: 1_000,
            user_frames: 10_000,
            unsure_by: Defects([((Defect::CallerMayBeMissing, String::from("c")), 201)].into()),
            incomplete_by: Defects(
                [
                    ((Defect::NoRule, String::from("libx.so")), 105),
                    ((Defect::NoRule, String::from("liby.so")), 1),
                    ((Defect::Broken, String::from("java")), 95),
                ]
                .into(),
            ),
            unnamed: list.collect(),
            ..Quality::default()
        };
        Judged { quality, unnamed: unnamed.iter().copied().collect(), ..Judged::default() }
    }

    fn advised(judged: &Judged, unwind: bpf::Unwind) -> Vec<String> {
        let facts = Facts { quality: judged.quality.clone(), ..Facts::default() };
        let how = How { unwind, machine: false };
        advice(&facts, judged, how).into_iter().map(|warning| warning.cures.join("; ")).collect()
    }

    #[test]
    fn a_fifth_without_names_is_a_warning_with_a_cure() {
        let warned = advised(
            &judged(&[(Reason::NoMapping, 10), (Reason::Stripped, 2_500)]),
            bpf::Unwind::Auto,
        );
        assert_eq!(warned.len(), 1);
        assert!(warned[0].contains("debuginfod"), "{warned:?}");
        let better = judged(&[(Reason::Stripped, 2_000)]);
        assert_eq!(advised(&better, bpf::Unwind::Auto), Vec::<String>::new());
    }

    #[test]
    fn a_runtime_s_switch_is_named() {
        let mut judged = judged(&[(Reason::NoJitMap, 9_000)]);
        judged.runtimes = symbolizer::Runtime::of_file(b"libcoreclr.so").into_iter().collect();
        assert!(advised(&judged, bpf::Unwind::Auto)[0].contains("DOTNET_PerfMapEnabled"));
    }

    #[test]
    fn a_fifth_without_callers_is_worth_a_warning_with_what_mends_it() {
        let mut judged = judged(&[]);
        judged.quality.incomplete = 201;
        judged.quality.unsure = 201;
        let warned = advised(&judged, bpf::Unwind::Auto);
        assert_eq!(warned.len(), 2);
        assert!(warned[0].contains("doctor"), "{warned:?}");
        assert!(warned[1].contains("frame-pointer"), "{warned:?}");
        assert!(advised(&judged, bpf::Unwind::FramePointers)[1].contains("--unwind fp"));
        judged.quality.incomplete = 200;
        assert_eq!(advised(&judged, bpf::Unwind::Auto).len(), 1);
    }

    #[test]
    fn many_lost_samples_are_worth_a_warning_but_not_on_an_idle_machine() {
        let facts = |expected| Facts {
            events: vec![output::facts::EventFacts {
                lost: [("missed ticks", 30)].into(),
                runs: 100,
                expected,
                ..Default::default()
            }],
            ..Facts::default()
        };
        let how = How { unwind: bpf::Unwind::Auto, machine: true };
        let warned = advice(&facts(130), &Judged::default(), how);
        assert!(matches!(warned[..], [Warning { problem: Problem::Lost, .. }]), "{warned:?}");
        assert!(advice(&facts(3_000), &Judged::default(), how).is_empty());
    }

    #[test]
    fn a_few_samples_are_no_reason_for_a_warning() {
        let few = |samples, frames| {
            let mut judged = judged(&[(Reason::Stripped, frames)]);
            (judged.quality.samples, judged.quality.user_samples) = (samples, samples);
            judged.quality.user_frames = frames;
            judged.quality.incomplete = samples;
            judged.quality.unsure = samples;
            advised(&judged, bpf::Unwind::Auto).len()
        };
        assert_eq!([few(9, 100), few(10, 9), few(10, 10)], [0, 2, 3]);
        let event = output::facts::EventFacts {
            lost: [("missed ticks", 9)].into(),
            runs: 1,
            expected: 10,
            ..Default::default()
        };
        assert_eq!(lost(&Facts { events: vec![event], ..Facts::default() }), None);
    }

    #[test]
    fn tables_that_were_not_ready_are_explained_by_what_was_recorded() {
        let by = |file: &str| Defects([((Defect::Stale, String::from(file)), 30)].into());
        assert!(not_ready(&by("[jit]"), true).contains("warm"));
        assert!(not_ready(&by("dash"), true).contains("whole machine"));
        let command = not_ready(&by("dash"), false);
        assert!(!command.contains("machine") && !command.contains("longer"), "{command}");
    }
}

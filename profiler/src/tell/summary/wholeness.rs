//! The completeness of user stacks: always three figures, and a fourth for stacks that look complete but may lack a frame.

use super::{FRAME_POINTERS, WORTH_A_WARNING, percent};
use crate::judge::completeness::Why;
use crate::judge::quality::{By, largest};
use crate::tell::facts::Facts;
use std::collections::BTreeMap;

/// The cure for stacks that were walked by frame pointer although there are rules.
pub(super) const BY_RULES: &str =
    "drop --unwind fp: without it, programs without frame pointers are walked by unwind rules";

/// The most reasons on the line.
const NAMED: usize = 3;

/// For the line: `stacks 98.6 % complete, 1.0 % with a guess, 0.4 % incomplete (no unwind rule in libx.so 0.4 %)`.
pub(super) fn phrase(facts: &Facts) -> Option<String> {
    let quality = &facts.quality;
    if quality.user_samples == 0 {
        return None;
    }
    let of = |samples| percent(facts.of_user_stacks(samples));
    let mut text = format!(
        "stacks {} complete, {} with a guess, ",
        of(quality.complete),
        of(quality.complete_with_guess)
    );
    if quality.unsure > 0 {
        let mut by: BTreeMap<Why, u64> = BTreeMap::new();
        for ((why, _), samples) in &quality.unsure_by {
            *by.entry(*why).or_default() += samples;
        }
        let mut by: Vec<_> = by.into_iter().collect();
        by.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
        let why: Vec<&str> = by.iter().map(|(why, _)| why.phrase()).collect();
        text.push_str(&format!("{} unsure ({}), ", of(quality.unsure), why.join("; ")));
    }
    text.push_str(&format!("{} incomplete", of(quality.incomplete)));
    let reasons = reasons(facts);
    if !reasons.is_empty() {
        text.push_str(&format!(" ({reasons})"));
    }
    Some(text)
}

/// The largest reasons for incomplete stacks, with the files in which they end.
fn reasons(facts: &Facts) -> String {
    let all = largest(&facts.quality.incomplete_by);
    let named = all.iter().take(NAMED).map(|((why, file), samples)| {
        format!("{} in {file} {}", why.phrase(), percent(facts.of_user_stacks(**samples)))
    });
    let mut list: Vec<String> = named.collect();
    if all.len() > NAMED {
        list.push(format!("{} more", all.len() - NAMED));
    }
    list.join("; ")
}

/// All figures, as comments of a pprof file.
pub(super) fn comments(facts: &Facts) -> Vec<String> {
    let quality = &facts.quality;
    if quality.user_samples == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "user stacks: {}, complete: {}, complete with a guess: {}, unsure: {}, incomplete: {}",
        quality.user_samples,
        quality.complete,
        quality.complete_with_guess,
        quality.unsure,
        quality.incomplete
    )];
    for (kind, by) in [("unsure", &quality.unsure_by), ("incomplete", &quality.incomplete_by)] {
        lines.extend(largest(by).into_iter().map(|((why, file), samples)| {
            format!("{kind} user stacks, {} in {file}: {samples}", why.phrase())
        }));
    }
    lines
}

/// The warnings about incomplete and unsure stacks.
pub(super) fn warnings(facts: &Facts) -> Vec<String> {
    let quality = &facts.quality;
    let mut list = Vec::new();
    let incomplete = facts.of_user_stacks(quality.incomplete);
    if incomplete > WORTH_A_WARNING
        && let Some(why) = most(&quality.incomplete_by)
    {
        let share = percent(incomplete);
        list.push(format!("{share} of the user stacks lack callers; {}", cure(why, facts)));
    }
    let unsure = facts.of_user_stacks(quality.unsure);
    if unsure > WORTH_A_WARNING
        && let Some(why) = most(&quality.unsure_by)
    {
        let share = percent(unsure);
        list.push(format!("{share} of the user stacks may lack a caller; {}", cure(why, facts)));
    }
    list
}

/// The most frequent reason.
fn most(by: &By<String>) -> Option<Why> {
    let mut sums: BTreeMap<Why, u64> = BTreeMap::new();
    for ((why, _), samples) in by {
        *sums.entry(*why).or_default() += samples;
    }
    sums.into_iter().max_by_key(|(_, samples)| *samples).map(|(why, _)| why)
}

/// The reason in words, and its cure.
fn cure(why: Why, facts: &Facts) -> String {
    let by_frame_pointer =
        matches!(why, Why::Broken | Why::Unreadable | Why::CallerMayBeMissing | Why::NoMapping);
    match why {
        _ if by_frame_pointer && facts.unwind == bpf::Unwind::FramePointers => BY_RULES.into(),
        Why::Broken | Why::Unreadable | Why::CallerMayBeMissing => {
            format!(
                "code that has neither unwind rules nor frame pointers cannot be walked: {FRAME_POINTERS}"
            )
        }
        Why::Stale => String::from(
            "their unwind tables were not ready; with -p PID and -- COMMAND they are built before the first sample",
        ),
        Why::Truncated => String::from("they are deeper than the limit"),
        Why::Compat => String::from("only the innermost frame of a 32-bit process is known"),
        Why::NoRule | Why::Unsupported | Why::LostRegister | Why::NoMapping => {
            String::from("`bpflame doctor -p PID` shows how each file of a process is walked")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::quality::Quality;

    fn facts() -> Facts {
        let why = |why, file: &str| (why, String::from(file));
        let quality = Quality {
            samples: 2_000,
            user_samples: 1_000,
            complete: 900,
            complete_with_guess: 50,
            unsure: 20,
            incomplete: 30,
            unsure_by: [
                (why(Why::Stale, "a"), 4),
                (why(Why::Stale, "b"), 5),
                (why(Why::CallerMayBeMissing, "c"), 11),
            ]
            .into(),
            incomplete_by: [
                (why(Why::NoRule, "libx.so"), 15),
                (why(Why::NoRule, "liby.so"), 1),
                (why(Why::Broken, "java"), 10),
                (why(Why::Truncated, "deep"), 3),
                (why(Why::Compat, "old"), 1),
            ]
            .into(),
            ..Quality::default()
        };
        Facts { quality, ..Facts::default() }
    }

    #[test]
    fn the_line_has_all_figures_and_the_largest_reasons() {
        assert_eq!(
            phrase(&facts()).unwrap(),
            "stacks 90.0 % complete, 5.0 % with a guess, 2.0 % unsure (caller may be missing; unwind tables \
             not ready), 3.0 % incomplete (no unwind rule in libx.so 1.5 %; broken frame chain in java 1.0 %; truncated in \
             deep 0.3 %; 2 more)"
        );
    }

    #[test]
    fn all_complete_is_short_and_still_three_figures() {
        let quality = Quality { samples: 9, user_samples: 7, complete: 7, ..Quality::default() };
        let mut facts = Facts { quality, ..Facts::default() };
        assert_eq!(
            phrase(&facts).unwrap(),
            "stacks 100.0 % complete, 0.0 % with a guess, 0.0 % incomplete"
        );
        facts.quality.user_samples = 0;
        assert_eq!(phrase(&facts), None);
        assert!(comments(&facts).is_empty());
    }

    #[test]
    fn what_is_not_all_is_not_shown_as_all() {
        let quality = Quality {
            samples: 100_000,
            user_samples: 100_000,
            complete: 99_999,
            complete_with_guess: 1,
            ..Quality::default()
        };
        let facts = Facts { quality, ..Facts::default() };
        assert!(
            phrase(&facts).unwrap().starts_with("stacks >99.9 % complete, <0.1 % with a guess")
        );
    }

    #[test]
    fn comments_have_every_reason() {
        let lines = comments(&facts());
        assert_eq!(
            lines[0],
            "user stacks: 1000, complete: 900, complete with a guess: 50, unsure: 20, incomplete: 30"
        );
        assert_eq!(lines.len(), 1 + 3 + 5);
        assert_eq!(lines[1], "unsure user stacks, caller may be missing in c: 11");
        assert_eq!(lines[4], "incomplete user stacks, no unwind rule in libx.so: 15");
    }

    #[test]
    fn a_fifth_is_worth_a_warning_with_what_mends_it() {
        let mut facts = facts();
        assert_eq!(warnings(&facts), Vec::<String>::new());
        facts.quality.incomplete = 201;
        facts.quality.unsure = 201;
        let warned = warnings(&facts);
        assert_eq!(warned.len(), 2);
        assert!(warned[0].contains("20.1 %") && warned[0].contains("doctor"), "{warned:?}");
        assert!(warned[1].contains("frame-pointer"), "{warned:?}");
        facts.unwind = bpf::Unwind::FramePointers;
        assert!(warnings(&facts)[1].contains("--unwind fp"));
        facts.quality.incomplete = 200;
        assert_eq!(warnings(&facts).len(), 1);
    }
}

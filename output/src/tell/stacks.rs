//! The completeness of user stacks: always three figures, and a fourth for stacks that look complete but may lack a frame.

use super::number::percent;
use crate::model::quality::Quality;

/// The most reasons that the line names.
const NAMED: usize = 3;

/// The phrase in the line, as in `stacks 98.6 % complete, 1.0 % with a guess, 0.4 % incomplete (no unwind rule in libx.so 0.4 %)`.
pub(super) fn phrase(quality: &Quality) -> Option<String> {
    if quality.user_samples == 0 {
        return None;
    }
    let of = |samples| percent(quality.of_user_stacks(samples));
    let mut text = format!(
        "stacks {} complete, {} with a guess, ",
        of(quality.complete),
        of(quality.complete_with_guess)
    );
    if quality.unsure > 0 {
        let mut by: Vec<_> = quality.unsure_by.by_defect().into_iter().collect();
        by.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
        let why: Vec<&str> = by.iter().map(|(defect, _)| defect.phrase()).collect();
        text.push_str(&format!("{} unsure ({}), ", of(quality.unsure), why.join("; ")));
    }
    text.push_str(&format!("{} incomplete", of(quality.incomplete)));
    let reasons = reasons(quality);
    if !reasons.is_empty() {
        text.push_str(&format!(" ({reasons})"));
    }
    Some(text)
}

/// The largest reasons for incomplete stacks, with the files in which they end.
fn reasons(quality: &Quality) -> String {
    let all = quality.incomplete_by.largest();
    let named = all.iter().take(NAMED).map(|(defect, file, samples)| {
        format!("{} in {file} {}", defect.phrase(), percent(quality.of_user_stacks(*samples)))
    });
    let mut list: Vec<String> = named.collect();
    if all.len() > NAMED {
        list.push(format!("{} more", all.len() - NAMED));
    }
    list.join("; ")
}

/// All figures, as comments of a file.
pub(super) fn comments(quality: &Quality) -> Vec<String> {
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
        lines.extend(by.largest().into_iter().map(|(defect, file, samples)| {
            format!("{kind} user stacks, {} in {file}: {samples}", defect.phrase())
        }));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::quality::{Defect, Defects};

    fn by(list: &[(Defect, &str, u64)]) -> Defects {
        let one = |(defect, file, samples): &(Defect, &str, u64)| {
            ((*defect, String::from(*file)), *samples)
        };
        Defects(list.iter().map(one).collect())
    }

    fn quality() -> Quality {
        Quality {
            samples: 2_000,
            user_samples: 1_000,
            complete: 900,
            complete_with_guess: 50,
            unsure: 20,
            incomplete: 30,
            unsure_by: by(&[
                (Defect::Stale, "a", 4),
                (Defect::Stale, "b", 5),
                (Defect::CallerMayBeMissing, "c", 11),
            ]),
            incomplete_by: by(&[
                (Defect::NoRule, "libx.so", 15),
                (Defect::NoRule, "liby.so", 1),
                (Defect::Broken, "java", 10),
                (Defect::Truncated, "deep", 3),
                (Defect::Compat, "old", 1),
            ]),
            ..Quality::default()
        }
    }

    #[test]
    fn the_line_has_all_figures_and_the_largest_reasons() {
        assert_eq!(
            phrase(&quality()).unwrap(),
            "stacks 90.0 % complete, 5.0 % with a guess, 2.0 % unsure (caller may be missing; unwind tables \
             not ready), 3.0 % incomplete (no unwind rule in libx.so 1.5 %; broken frame chain in java 1.0 %; truncated in \
             deep 0.3 %; 2 more)"
        );
    }

    #[test]
    fn all_complete_is_short_and_still_three_figures() {
        let mut quality =
            Quality { samples: 9, user_samples: 7, complete: 7, ..Quality::default() };
        assert_eq!(
            phrase(&quality).unwrap(),
            "stacks 100.0 % complete, 0.0 % with a guess, 0.0 % incomplete"
        );
        quality.user_samples = 0;
        assert_eq!(phrase(&quality), None);
        assert!(comments(&quality).is_empty());
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
        assert!(
            phrase(&quality).unwrap().starts_with("stacks >99.9 % complete, <0.1 % with a guess")
        );
    }

    #[test]
    fn comments_have_every_reason() {
        let lines = comments(&quality());
        assert_eq!(
            lines[0],
            "user stacks: 1000, complete: 900, complete with a guess: 50, unsure: 20, incomplete: 30"
        );
        assert_eq!(lines.len(), 1 + 3 + 5);
        assert_eq!(lines[1], "unsure user stacks, caller may be missing in c: 11");
        assert_eq!(lines[4], "incomplete user stacks, no unwind rule in libx.so: 15");
    }
}

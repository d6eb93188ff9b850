//! A profile's facts in lines of text. The code that shows or writes the profile makes these lines at the very end.
//!
//! Modules in reading order: `recording` (the [`Facts`](crate::Facts) in words), `stacks` (their completeness), `number`.

mod number;
mod recording;
mod stacks;

use crate::model::profile::Profile;
use std::borrow::Cow;

pub use number::{counted, grouped};
pub use recording::{line, lost, warnings};

/// The beginning of the comment with the summary.
pub(crate) const SUMMARY: &str = "summary: ";
/// The beginning of the comment with the service's name.
pub(crate) const SERVICE: &str = "service_name: ";

/// The profile in one line, made from its facts, or taken from the file that it was read from. Empty if nothing is known.
pub fn summary(profile: &Profile) -> Cow<'_, str> {
    match &profile.facts {
        Some(facts) => Cow::Owned(line(facts)),
        None => Cow::Borrowed(&profile.summary),
    }
}

/// The lines beside the summary.
pub(crate) fn remarks(profile: &Profile) -> Vec<String> {
    let facts = profile.facts.as_ref().map(recording::comments).unwrap_or_default();
    let service = profile.service.as_ref().map(|name| format!("{SERVICE}{name}"));
    facts.into_iter().chain(profile.comments.iter().cloned()).chain(service).collect()
}

/// All lines as a file's comments, the summary first.
pub fn comments(profile: &Profile) -> Vec<String> {
    let summary = Some(summary(profile)).filter(|summary| !summary.is_empty());
    let summary = summary.map(|summary| format!("{SUMMARY}{summary}"));
    summary.into_iter().chain(remarks(profile)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{CpuTime, EventFacts, Facts, Rate};
    use crate::formats::pprof;
    use crate::testing::small;
    use crate::{Encode, Pprof, Svg};

    fn recorded() -> Profile {
        let event =
            EventFacts { name: "cycles".into(), rate: Rate::Hertz(99), ..EventFacts::default() };
        let mut facts = Facts { target: "it (7)".into(), ..Facts::default() };
        facts.events = vec![event];
        facts.cpu = Some(CpuTime::default());
        facts.quality.samples = 23;
        Profile {
            facts: Some(facts),
            summary: String::new(),
            comments: vec!["cut to 10 frames".into()],
            service: Some("shop".into()),
            ..small()
        }
    }

    #[test]
    fn facts_come_before_what_was_done_since() {
        assert_eq!(
            comments(&recorded()),
            [
                "summary: 23 samples, 0.00 CPU s, none lost",
                "bpflame : it (7)",
                "event: cycles at 99 Hz on 0 CPUs, runs: 0, idle runs: 0, expected ticks: 0",
                "cut to 10 frames",
                "service_name: shop",
            ]
        );
    }

    #[test]
    fn a_file_that_is_read_says_the_same_of_itself() {
        let own = recorded();
        let mut bytes = Vec::new();
        Pprof::default().encode(&own, &mut bytes).unwrap();
        let read = pprof::read(&bytes, pprof::Limits::default()).unwrap();
        assert_eq!((read.facts.is_none(), read.summary.as_str()), (true, &*summary(&own)));
        assert_eq!(comments(&read), comments(&own));
    }

    #[test]
    fn a_graph_shows_the_facts_of_its_recording() {
        let mut picture = Vec::new();
        Svg::default().encode(&recorded(), &mut picture).unwrap();
        let picture = String::from_utf8(picture).unwrap();
        for told in ["23 samples, 0.00 CPU s, none lost", "event: cycles at 99 Hz on 0 CPUs"] {
            assert!(picture.contains(told), "{told}");
        }
    }
}

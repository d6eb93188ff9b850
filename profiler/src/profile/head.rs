//! The head of a profile: its time, and the facts.

use super::facts::About;
use crate::record::recorded::Cut;
use output::timeline::Timeline;
use output::{Facts, Profile};

impl About<'_> {
    /// The profile without its columns, tables and samples.
    pub(crate) fn head(self, cut: &Cut, facts: Facts) -> Profile {
        let begin = i64::try_from(cut.began).unwrap_or(0);
        Profile {
            time_nanos: begin.saturating_add(self.started.wall_offset),
            duration_nanos: i64::try_from(facts.duration).unwrap_or(i64::MAX),
            facts: Some(facts),
            service: Some(self.target.service.clone()),
            timeline: self.timeline(cut),
            ..Profile::default()
        }
    }

    /// The start of the samples' timeline, still without samples; `None` if times were not kept.
    fn timeline(self, cut: &Cut) -> Option<Timeline> {
        let timed = cut.counts.times.as_ref()?.values().map(|times| times.len() as u64).sum();
        let begin = i64::try_from(cut.counts.first.unwrap_or(cut.began)).unwrap_or(0);
        Some(Timeline {
            begin: begin.saturating_add(self.started.wall_offset),
            samples: Vec::new(),
            untimed: cut.counts.samples.saturating_sub(timed),
        })
    }
}

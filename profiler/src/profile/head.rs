//! The head of a profile: its types, its time, and the facts.

use super::facts::About;
use output::{Facts, Profile, ValueType};

impl About<'_> {
    /// Everything but the tables and the samples.
    pub(crate) fn head(self, facts: Facts) -> Profile {
        let value = |kind: &str, unit: &str| ValueType {
            kind: String::from(kind),
            unit: String::from(unit),
        };
        let begin = i64::try_from(self.started.time).unwrap_or(0);
        Profile {
            sample_types: vec![value("samples", "count"), value("cpu", "nanoseconds")],
            default_sample_type: 1,
            period_type: value("cpu", "nanoseconds"),
            period: 1_000_000_000 / i64::from(self.config.sampling.frequency.max(1)),
            time_nanos: begin.saturating_add(self.started.wall_offset),
            duration_nanos: i64::try_from(facts.duration).unwrap_or(i64::MAX),
            facts: Some(facts),
            service: Some(self.target.service.clone()),
            ..Profile::default()
        }
    }
}

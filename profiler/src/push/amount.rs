//! How much is in a profile, or in a part of one.

use crate::summary::grouped;
use output::{Profile, ValueType};
use std::fmt;
use std::ops::AddAssign;

/// Samples, and the sum of the values that are shown by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// Samples, where the profile counts them; else different stacks.
    pub samples: u64,
    /// The sum of the default column.
    pub value: i128,
    /// What that counts.
    pub kind: ValueType,
}

impl Amount {
    /// Of a profile.
    pub(crate) fn of(profile: &Profile) -> Self {
        let sum = |column: usize| -> i128 {
            let values = profile.samples.iter().filter_map(|sample| sample.values.get(column));
            values.map(|value| i128::from(*value)).sum()
        };
        let counts = profile.sample_types.iter().position(counts_samples);
        let samples = match counts {
            Some(column) => u64::try_from(sum(column)).unwrap_or(0),
            None => profile.samples.len() as u64,
        };
        let column = profile.default_sample_type;
        let kind = profile.sample_types.get(column).cloned().unwrap_or_default();
        Self { samples, value: sum(column), kind }
    }
}

fn counts_samples(kind: &ValueType) -> bool {
    kind.unit == "count" && ["sample", "samples"].contains(&kind.kind.as_str())
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.samples += other.samples;
        self.value += other.value;
        if self.kind == ValueType::default() {
            self.kind = other.kind;
        }
    }
}

/// `1,234 samples, 12.3 s CPU`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.samples == 1 { "sample" } else { "samples" };
        write!(f, "{} {noun}", grouped(self.samples))?;
        let ValueType { kind, unit } = &self.kind;
        let per_second = match unit.as_str() {
            "nanoseconds" => 1e9,
            "microseconds" => 1e6,
            "milliseconds" => 1e3,
            "seconds" => 1.0,
            _ if unit.is_empty() || counts_samples(&self.kind) => return Ok(()),
            _ => {
                let value = grouped(u64::try_from(self.value.max(0)).unwrap_or(u64::MAX));
                return write!(f, ", {value} {unit} {kind}");
            }
        };
        let kind = if kind == "cpu" { "CPU" } else { kind };
        let seconds = self.value as f64 / per_second;
        if seconds < 1.0 {
            write!(f, ", {:.0} ms {kind}", seconds * 1e3)
        } else {
            write!(f, ", {seconds:.1} s {kind}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(kind: &str, unit: &str, value: i128) -> String {
        let kind = ValueType { kind: kind.into(), unit: unit.into() };
        Amount { samples: 1_234, value, kind }.to_string()
    }

    #[test]
    fn what_a_reader_wants_to_know() {
        assert_eq!(amount("cpu", "nanoseconds", 12_340_000_000), "1,234 samples, 12.3 s CPU");
        assert_eq!(amount("wall", "microseconds", 5_000), "1,234 samples, 5 ms wall");
        assert_eq!(amount("samples", "count", 1_234), "1,234 samples");
        assert_eq!(amount("inuse_space", "bytes", 5_000), "1,234 samples, 5,000 bytes inuse_space");
        assert_eq!(amount("", "", 0), "1,234 samples");
    }
}

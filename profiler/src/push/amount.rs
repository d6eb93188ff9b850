//! The amount in a profile or in a part of it: samples and values.

use crate::host::console::clean;
use output::tell::{counted, grouped};
use output::{Profile, ValueType};
use send::Part;
use std::fmt;
use std::ops::AddAssign;

/// The most characters of a type's name that are shown.
const SHOWN: usize = 60;

/// The number of samples, and the sum of the values that are shown by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// The number of samples, if the profile counts them; otherwise the number of different stacks.
    pub samples: u64,
    /// The sum of the default column.
    pub value: i128,
    /// The sample type of the value.
    pub kind: ValueType,
}

impl Amount {
    /// The amount in a profile.
    pub(crate) fn of(profile: &Profile) -> Self {
        let sum = |column: usize| -> i128 {
            let values = profile.samples.iter().filter_map(|sample| sample.values.get(column));
            values.map(|value| i128::from(*value)).sum()
        };
        let kinds = profile.sample_types.iter().cloned();
        let sums: Vec<_> = kinds.enumerate().map(|(column, kind)| (kind, sum(column))).collect();
        Self::of_sums(&sums, profile.default_sample_type, profile.samples.len())
    }

    /// The amount in a part.
    pub(crate) fn of_part(part: &Part) -> Self {
        Self::of_sums(&part.sums(), part.default_column(), part.samples())
    }

    fn of_sums(sums: &[(ValueType, i128)], default: usize, stacks: usize) -> Self {
        let samples = match sums.iter().find(|(kind, _)| counts_samples(kind)) {
            Some((_, sum)) => u64::try_from((*sum).max(0)).unwrap_or(u64::MAX),
            None => stacks as u64,
        };
        let (kind, value) = sums.get(default).cloned().unwrap_or_default();
        Self { samples, value, kind }
    }
}

/// A name from a file, cut to one line of readable length.
fn word(name: &str) -> String {
    let shown: String = name.chars().take(SHOWN).collect();
    clean(&shown)
}

fn counts_samples(kind: &ValueType) -> bool {
    kind.unit == "count" && ["sample", "samples"].contains(&kind.kind.as_str())
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.samples = self.samples.saturating_add(other.samples);
        self.value += other.value;
        if self.kind == ValueType::default() {
            self.kind = other.kind;
        }
    }
}

/// `1,234 samples, 12.3 s CPU`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.samples, "sample"))?;
        let ValueType { kind, unit } = &self.kind;
        let per_second = match unit.as_str() {
            "nanoseconds" => 1e9,
            "microseconds" => 1e6,
            "milliseconds" => 1e3,
            "seconds" => 1.0,
            _ if unit.is_empty() || counts_samples(&self.kind) => return Ok(()),
            _ => {
                let value = grouped(u64::try_from(self.value.max(0)).unwrap_or(u64::MAX));
                return write!(f, ", {value} {} {}", word(unit), word(kind));
            }
        };
        let kind = if kind == "cpu" { "CPU".into() } else { word(kind) };
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
    use output::{Marks, Sample};

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

    #[test]
    fn what_a_file_says_is_one_short_line() {
        let odd = amount(&"x".repeat(5_000), "by\n\u{1b}[31mtes", 5);
        assert_eq!(odd, format!("1,234 samples, 5 by??[31mtes {}", "x".repeat(60)));
    }

    #[test]
    fn more_than_can_be_counted_is_the_most() {
        let kind = ValueType { kind: "samples".into(), unit: "count".into() };
        let sample = |value| Sample {
            frames: Vec::new(),
            values: vec![value],
            labels: Vec::new(),
            marks: Marks::default(),
        };
        let of = |values: &[i64]| {
            let samples = values.iter().copied().map(sample).collect();
            Amount::of(&Profile { sample_types: vec![kind.clone()], samples, ..Profile::default() })
        };
        let mut most = of(&[i64::MAX, i64::MAX, i64::MAX]);
        assert_eq!(most.samples, u64::MAX);
        most += of(&[i64::MAX]);
        assert_eq!((most.samples, most.value), (u64::MAX, 4 * i128::from(i64::MAX)));
        assert_eq!(of(&[-3]).samples, 0);
    }
}

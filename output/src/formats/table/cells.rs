//! The rows of a table, and their lines: numbers, then names.

use crate::ValueType;
use std::fmt::Write as _;

/// What a row is about: a group's value, a function's name, its file. The first is empty without groups, the others in a
/// row for a whole group.
pub(super) type Key = [String; 3];

/// The value of a function or a group, alone and with its callees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub own: i128,
    pub total: i128,
    /// The last sample that counted for the total, so that recursion counts once.
    counted: usize,
}

impl Default for Row {
    fn default() -> Self {
        Self { own: 0, total: 0, counted: usize::MAX }
    }
}

impl Row {
    /// Adds the value of a sample.
    pub(super) fn add(&mut self, sample: usize, value: i128, is_leaf: bool) {
        if is_leaf {
            self.own += value;
        }
        if self.counted != sample {
            self.counted = sample;
            self.total += value;
        }
    }
}

/// The kind of a table, for its heading.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heading<'a> {
    /// The values of this label.
    Group(&'a str),
    /// Functions, each with the value of a label if there is one.
    Functions(Option<&'a str>),
}

/// Appends the lines, the heading first. `of` is the value type and the sum of all values.
pub(super) fn lines(
    rows: &[(Key, Row)],
    heading: Heading<'_>,
    of: (&ValueType, i128),
    text: &mut String,
) {
    let mut cells = vec![head(heading)];
    cells.extend(rows.iter().map(|(key, row)| cells_of(key, *row, heading, of)));
    let count = cells[0].len();
    let width = |at: usize| cells.iter().map(|row| row[at].chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|at| width(at).unwrap_or_default()).collect();
    let numbers = if matches!(heading, Heading::Group(_)) { 2 } else { 4 };
    for row in &cells {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let width = widths[at];
            let padded = match at {
                _ if at < numbers => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  ", width = width.clamp(8, 60)),
            };
            padded.expect("a string grows");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn head(heading: Heading<'_>) -> Vec<String> {
    let label = |label: &str| crate::text::clean(label).to_uppercase();
    let words = |words: &[&str]| words.iter().map(|word| String::from(*word)).collect::<Vec<_>>();
    match heading {
        Heading::Group(name) => [words(&["TOTAL", "TOTAL%"]), vec![label(name)]].concat(),
        Heading::Functions(name) => [
            words(&["SELF", "SELF%", "TOTAL", "TOTAL%"]),
            name.map(label).into_iter().collect(),
            words(&["FUNCTION", "FILE"]),
        ]
        .concat(),
    }
}

fn cells_of(
    [group, name, file]: &Key,
    row: Row,
    heading: Heading<'_>,
    (kind, sum): (&ValueType, i128),
) -> Vec<String> {
    let share = |value: i128| match sum {
        0 => "-".to_owned(),
        sum => format!("{:.2}%", 100.0 * value as f64 / sum as f64),
    };
    let value = |value: i128| [amount(value, &kind.unit), share(value)];
    let (own, total) = (value(row.own).to_vec(), value(row.total).to_vec());
    match heading {
        Heading::Group(_) => [total, vec![group.clone()]].concat(),
        Heading::Functions(label) => {
            let group = label.map(|_| group.clone());
            let names = [name.clone(), file.clone()];
            [own, total, group.into_iter().chain(names).collect()].concat()
        }
    }
}

/// A value in a readable unit.
pub(super) fn amount(value: i128, unit: &str) -> String {
    let scaled = |steps: &[(f64, &str)]| {
        let (factor, name) = steps
            .iter()
            .rev()
            .find(|(factor, _)| value.abs() as f64 >= *factor)
            .unwrap_or(&steps[0]);
        format!("{:.2}{name}", value as f64 / factor)
    };
    match unit {
        _ if value == 0 => "0".to_owned(),
        "nanoseconds" => scaled(&[(1e3, "us"), (1e6, "ms"), (1e9, "s")]),
        "bytes" => {
            scaled(&[(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")])
        }
        _ => value.to_string(),
    }
}

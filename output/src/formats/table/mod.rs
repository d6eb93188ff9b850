//! A table of functions: the value of each, alone and with its callees.

#[cfg(test)]
mod tests;

use crate::tell;
use crate::text::{UNKNOWN, clean, shorten};
use crate::{Encode, Error, Location, Profile, ValueType};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::str::FromStr;

/// The order of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By the value of the function alone.
    #[default]
    Own,
    /// By the value of the function with its callees.
    Total,
}

impl Sort {
    /// The names that [`Sort::from_str`] takes.
    pub const NAMES: [&str; 2] = ["self", "total"];
}

impl FromStr for Sort {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "self" => Ok(Self::Own),
            "total" => Ok(Self::Total),
            _ => Err(Error::UnknownSort(format!(
                "a table cannot be sorted by {name}; use self or total"
            ))),
        }
    }
}

/// Writes a text table of functions: self, its share, total, its share, function, file.
///
/// A function that is several times in a stack (recursion) counts once for its total. Functions with the same name in two files are two
/// rows. The file is the source file if it is known, else the mapped file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The number of rows; 0 for all.
    pub rows: usize,
    /// The order of rows.
    pub sort: Sort,
    /// The value column; by default [`Profile::default_sample_type`].
    pub column: Option<usize>,
}

impl Default for Table {
    fn default() -> Self {
        Self { rows: 40, sort: Sort::Own, column: None }
    }
}

/// A row: a function's name and its file.
type Key = (String, String);

#[derive(Clone, Default)]
struct Row {
    own: i128,
    total: i128,
}

impl Encode for Table {
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let column = profile.column(self.column)?;
        let kind = &profile.sample_types[column];
        let sum: i128 =
            profile.samples.iter().map(|sample| i128::from(sample.values[column])).sum();
        let mut rows = rows(profile, column);
        let by = |row: &Row| {
            if self.sort == Sort::Own { (row.own, row.total) } else { (row.total, row.own) }
        };
        rows.sort_by(|(a_key, a), (b_key, b)| by(b).cmp(&by(a)).then_with(|| a_key.cmp(b_key)));
        let all = rows.len();
        rows.truncate(if self.rows == 0 { all } else { self.rows });
        let mut text = header(profile, kind, sum);
        body(&rows, kind, sum, &mut text);
        if rows.len() < all {
            writeln!(text, "… and {} more functions", all - rows.len()).expect("a string grows");
        }
        to.write_all(text.as_bytes())
    }
}

fn rows(profile: &Profile, column: usize) -> Vec<(Key, Row)> {
    let mut keys: HashMap<Key, usize> = HashMap::new();
    let of_location: Vec<Vec<usize>> = profile
        .locations
        .iter()
        .map(|location| {
            names(profile, location)
                .into_iter()
                .map(|key| {
                    let next = keys.len();
                    *keys.entry(key).or_insert(next)
                })
                .collect()
        })
        .collect();
    let mut rows = vec![Row::default(); keys.len()];
    // For each row, the last sample that counted for its total, so that recursion counts once.
    let mut counted = vec![usize::MAX; keys.len()];
    for (at, sample) in profile.samples.iter().enumerate() {
        let value = i128::from(sample.values[column]);
        let stack = sample.frames.iter().flat_map(|frame| &of_location[frame.location.0 as usize]);
        for (depth, row) in stack.enumerate() {
            if depth == 0 {
                rows[*row].own += value;
            }
            if counted[*row] != at {
                counted[*row] = at;
                rows[*row].total += value;
            }
        }
    }
    keys.into_iter()
        .map(|(key, at)| (key, rows[at].clone()))
        .filter(|(_, row)| row.total != 0 || row.own != 0)
        .collect()
}

/// The functions at a location, innermost first.
fn names(profile: &Profile, location: &Location) -> Vec<Key> {
    let mapped =
        location.mapping.map_or("", |mapping| profile.mappings[mapping.0 as usize].file.as_str());
    if location.lines.is_empty() {
        return vec![(UNKNOWN.to_owned(), clean_or_empty(mapped))];
    }
    let functions = location.lines.iter().map(|line| &profile.functions[line.function.0 as usize]);
    let file = |source: &str| clean_or_empty(if source.is_empty() { mapped } else { source });
    functions
        .map(|function| (shorten(&clean(&function.name), 1_000).into_owned(), file(&function.file)))
        .collect()
}

fn clean_or_empty(text: &str) -> String {
    if text.is_empty() { String::new() } else { clean(text).into_owned() }
}

/// The lines above the table: the value column, and the facts of the profile.
fn header(profile: &Profile, kind: &ValueType, sum: i128) -> String {
    let mut text = String::new();
    let mut line =
        |name: &str, value: &str| writeln!(text, "{name:<9} {value}").expect("a string grows");
    line("Shown", &format!("{} ({})", clean_or_empty(&kind.kind), clean_or_empty(&kind.unit)));
    line("Total", &amount(sum, &kind.unit));
    if profile.duration_nanos > 0 {
        line("Duration", &amount(i128::from(profile.duration_nanos), "nanoseconds"));
    }
    let summary = Some(tell::summary(profile).into_owned()).filter(|summary| !summary.is_empty());
    for (at, fact) in summary.into_iter().chain(tell::remarks(profile)).enumerate() {
        line(if at == 0 { "Facts" } else { "" }, &clean(&fact));
    }
    text.push('\n');
    text
}

fn body(rows: &[(Key, Row)], kind: &ValueType, sum: i128, text: &mut String) {
    let share = |value: i128| match sum {
        0 => "-".to_owned(),
        sum => format!("{:.2}%", 100.0 * value as f64 / sum as f64),
    };
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|(_, row)| {
            [
                amount(row.own, &kind.unit),
                share(row.own),
                amount(row.total, &kind.unit),
                share(row.total),
            ]
        })
        .collect();
    let heads = ["SELF", "SELF%", "TOTAL", "TOTAL%"];
    let widths: Vec<usize> = (0..4)
        .map(|at| {
            cells
                .iter()
                .map(|row| row[at].chars().count())
                .chain([heads[at].len()])
                .max()
                .unwrap_or_default()
        })
        .collect();
    let longest = rows
        .iter()
        .map(|((name, _), _)| name.chars().count())
        .max()
        .unwrap_or_default()
        .clamp(8, 60);
    let mut line = |cells: [&str; 4], name: &str, file: &str| {
        for (cell, width) in cells.iter().zip(&widths) {
            write!(text, "{cell:>width$}  ").expect("a string grows");
        }
        let name = format!("{name:<longest$}  {file}");
        writeln!(text, "{}", name.trim_end()).expect("a string grows");
    };
    line(heads, "FUNCTION", "FILE");
    for (((name, file), _), cells) in rows.iter().zip(&cells) {
        line(cells.each_ref().map(String::as_str), name, file);
    }
}

/// A value in a readable unit.
fn amount(value: i128, unit: &str) -> String {
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

//! A table of functions: the value of each, alone and with its callees.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::profile::{FrameKind, Trust};
    use crate::testing::{frame, profile, stack};

    fn table(options: &Table, profile: &Profile) -> String {
        let mut bytes = Vec::new();
        options.encode(profile, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Cells of the row of a function.
    fn row(table: &str, name: &str) -> Vec<String> {
        let line = table.lines().find(|line| line.split_whitespace().nth(4) == Some(name));
        line.unwrap_or_else(|| panic!("no {name} in {table}"))
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn recursion_counts_once_for_the_total() {
        let profile = profile(&[stack(&["main", "f", "f", "f"], 30), stack(&["main", "g"], 10)]);
        let text = table(&Table { column: Some(0), ..Table::default() }, &profile);
        assert_eq!(row(&text, "f"), ["30", "75.00%", "30", "75.00%", "f", "src/prog.c"]);
        assert_eq!(row(&text, "main"), ["0", "0.00%", "40", "100.00%", "main", "src/prog.c"]);
        assert!(text.contains("Total     40\n"), "{text}");
    }

    #[test]
    fn an_inlined_leaf_has_the_self_value() {
        let mut inlined = stack(&["main"], 5);
        inlined.frames.push(frame("inner", FrameKind::User, Trust::Sure).inlined("outer"));
        let text = table(&Table { column: Some(0), ..Table::default() }, &profile(&[inlined]));
        assert_eq!(row(&text, "inner")[0], "5");
        assert_eq!(row(&text, "outer")[..3], ["0", "0.00%", "5"]);
    }

    #[test]
    fn sorting_and_cutting() {
        let profile = profile(&[stack(&["a", "b"], 3), stack(&["a", "c"], 2)]);
        let first = |text: &str| {
            let line = text.lines().skip_while(|line| !line.contains("FUNCTION")).nth(1);
            line.unwrap().split_whitespace().nth(4).unwrap().to_owned()
        };
        assert_eq!(first(&table(&Table::default(), &profile)), "b");
        assert_eq!(first(&table(&Table { sort: Sort::Total, ..Table::default() }, &profile)), "a");
        let cut = table(&Table { rows: 1, ..Table::default() }, &profile);
        assert!(cut.ends_with("… and 2 more functions\n"), "{cut}");
        assert!(
            !table(&Table { rows: 0, ..Table::default() }, &profile).contains("more functions")
        );
    }

    #[test]
    fn the_default_column_is_shown_in_a_readable_unit() {
        let text = table(&Table::default(), &profile(&[stack(&["a"], 150)]));
        assert!(text.contains("Shown     cpu (nanoseconds)\nTotal     1.50s\n"), "{text}");
        assert!(
            text.contains("Facts     23 samples, none lost\n          samples: 23\n"),
            "{text}"
        );
    }

    #[test]
    fn names_break_no_line_and_nothing_is_a_header() {
        let text = table(&Table::default(), &profile(&[stack(&["a\nb\u{1b}[2J"], 1)]));
        assert!(text.contains("a b\u{fffd}[2J"), "{text}");
        assert!(table(&Table::default(), &profile(&[])).contains("Total     0\n"));
    }
}

//! A table of functions: the value of each, alone and with its callees.

mod cells;
#[cfg(test)]
mod tests;

use crate::tell::{self, counted};
use crate::text::{UNKNOWN, clean, shorten};
use crate::{Encode, Error, Location, Profile, Sample, ValueType};
use cells::{Heading, Key, Row, amount, lines};
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
    /// The label by which samples are grouped: each of its values has a total, and functions have a row for each value.
    pub group: Option<String>,
}

impl Default for Table {
    fn default() -> Self {
        Self { rows: 40, sort: Sort::Own, column: None, group: None }
    }
}

impl Encode for Table {
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let column = profile.column(self.column)?;
        let kind = &profile.sample_types[column];
        let sum: i128 =
            profile.samples.iter().map(|sample| i128::from(sample.values[column])).sum();
        let [groups, functions] = rows(profile, column, self.group.as_deref());
        let mut text = header(profile, kind, sum);
        if let Some(label) = &self.group {
            self.print(groups, "more value", Heading::Group(label), (kind, sum), &mut text);
            text.push('\n');
        }
        let heading = Heading::Functions(self.group.as_deref());
        self.print(functions, "more function", heading, (kind, sum), &mut text);
        to.write_all(text.as_bytes())
    }
}

impl Table {
    /// Sorts rows, and prints the first ones.
    fn print(
        &self,
        mut rows: Vec<(Key, Row)>,
        others: &str,
        heading: Heading<'_>,
        of: (&ValueType, i128),
        text: &mut String,
    ) {
        let by = |row: &Row| {
            if self.sort == Sort::Own { (row.own, row.total) } else { (row.total, row.own) }
        };
        rows.sort_by(|(a_key, a), (b_key, b)| by(b).cmp(&by(a)).then_with(|| a_key.cmp(b_key)));
        let all = rows.len();
        rows.truncate(if self.rows == 0 { all } else { self.rows });
        lines(&rows, heading, of, text);
        if rows.len() < all {
            let left = counted((all - rows.len()) as u64, others);
            writeln!(text, "… and {left}").expect("a string grows");
        }
    }
}

/// The rows of groups, and those of functions.
fn rows(profile: &Profile, column: usize, label: Option<&str>) -> [Vec<(Key, Row)>; 2] {
    let mut names: HashMap<(String, String), usize> = HashMap::new();
    let of_location: Vec<Vec<usize>> = profile
        .locations
        .iter()
        .map(|location| {
            let numbered = |key| {
                let next = names.len();
                *names.entry(key).or_insert(next)
            };
            self::names(profile, location).into_iter().map(numbered).collect()
        })
        .collect();
    let (mut groups, mut functions) = (HashMap::<String, Row>::new(), HashMap::new());
    for (at, sample) in profile.samples.iter().enumerate() {
        let value = i128::from(sample.values[column]);
        let group = label.map_or_else(String::new, |label| value_of(sample, label));
        groups.entry(group.clone()).or_default().add(at, value, true);
        let stack = sample.frames.iter().flat_map(|frame| &of_location[frame.location.0 as usize]);
        let rows: &mut HashMap<usize, Row> = functions.entry(group).or_default();
        for (depth, function) in stack.enumerate() {
            rows.entry(*function).or_default().add(at, value, depth == 0);
        }
    }
    let mut known = vec![(String::new(), String::new()); names.len()];
    names.into_iter().for_each(|(name, at)| known[at] = name);
    let key = |group: &str, at: usize| [group.to_owned(), known[at].0.clone(), known[at].1.clone()];
    let functions = functions
        .iter()
        .flat_map(|(group, rows)| rows.iter().map(move |(at, row)| (key(group, *at), *row)))
        .filter(|(_, row)| row.total != 0 || row.own != 0);
    let group = |(name, row)| ([name, String::new(), String::new()], row);
    [groups.into_iter().map(group).collect(), functions.collect()]
}

/// The value of a label, for the table.
fn value_of(sample: &Sample, label: &str) -> String {
    let value = sample.label(label).unwrap_or_else(|| String::from("[none]"));
    shorten(&clean(&value), 100).into_owned()
}

/// The functions at a location, innermost first.
fn names(profile: &Profile, location: &Location) -> Vec<(String, String)> {
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

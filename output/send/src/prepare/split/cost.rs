//! An upper bound for the size of samples as pprof.
//!
//! The ids of rows count from 1 in each part, so they are never longer than in the whole profile. Strings are numbered in the order of use,
//! so no reference to a string is longer than the number of all strings.

use output::Profile;
use output::lean::{Lean, Row};
use output::pprof::{Common, LabelIds, SPOILT};
use output::tell::comments;
use output::{Function, Label, LabelValue, Location, Mapping, ValueType};

/// Adds up the size of a part.
pub(crate) struct Meter<'a> {
    lean: &'a Lean,
    common: &'a Common<'a>,
    /// For each row of a table, the number of the last part that has it.
    seen: Seen,
    part: u32,
    /// The most strings that a part may have.
    strings: usize,
}

/// A quick upper bound for the whole profile, a few times its size: the texts of labels count for each sample.
pub(super) fn rough(lean: &Lean) -> usize {
    let profile = &lean.tables;
    let reference = 1 + id(u32::MAX);
    let id = id(profile.locations.len() as u32);
    let texts = |texts: &[&String]| texts.iter().map(|text| string(text.len())).sum::<usize>();
    let function =
        |f: &Function| message(6 + 11 + 3 * reference) + texts(&[&f.name, &f.system_name, &f.file]);
    let mapping =
        |m: &Mapping| message(6 + 33 + 8 + 2 * reference) + texts(&[&m.file, &m.build_id]);
    let location = |l: &Location| message(6 + 6 + 11 + l.lines.len() * message(6 + 11));
    let label = |label: &Label| {
        let (LabelValue::Text(text) | LabelValue::Number(_, text)) = &label.value;
        message(2 * reference + 11) + texts(&[&label.key, text])
    };
    let labels: Vec<usize> =
        lean.sets().iter().map(|set| set.iter().map(label).sum::<usize>()).collect();
    let values = message(profile.sample_types.len() * varint_max());
    let marks = 3 * message(2 * reference + 6);
    let sample = |at: u32| {
        let row = lean.row(at);
        let frames = message(lean.stack(row.stack).len() * id);
        message(frames + values + labels[row.set as usize] + marks)
    };
    head(profile, reference)
        + SPOILT_BYTES
        + profile.functions.iter().map(function).sum::<usize>()
        + profile.mappings.iter().map(mapping).sum::<usize>()
        + profile.locations.iter().map(location).sum::<usize>()
        + (0..lean.sample_count() as u32).map(sample).sum::<usize>()
}

/// The size of everything except tables and samples.
fn head(profile: &Profile, reference: usize) -> usize {
    let text = |text: &str| string(text.len());
    let kind = |t: &ValueType| message(2 * reference) + text(&t.kind) + text(&t.unit);
    let comments = comments(profile);
    let comments: usize = comments.iter().map(|comment| varint_max() + text(comment)).sum();
    // The empty string, and the mapping of a part that has no files.
    let fixed = 100;
    let numbers = 4 * (1 + varint_max());
    fixed
        + numbers
        + profile.sample_types.iter().map(kind).sum::<usize>()
        + kind(&profile.period_type)
        + comments
}

struct Seen {
    strings: Vec<u32>,
    functions: Vec<u32>,
    mappings: Vec<u32>,
    locations: Vec<u32>,
    stacks: Vec<u32>,
    /// For each stack, the size of its frames in a sample, and the number of guessed ones.
    frames: Vec<(usize, usize)>,
}

/// An upper bound for the strings of the labels that mark a defective stack.
const SPOILT_BYTES: usize = 100;

impl<'a> Meter<'a> {
    pub(crate) fn new(lean: &'a Lean, common: &'a Common<'a>) -> Self {
        let profile = &lean.tables;
        let seen = Seen {
            strings: vec![0; common.texts().len()],
            functions: vec![0; profile.functions.len()],
            mappings: vec![0; profile.mappings.len()],
            locations: vec![0; profile.locations.len()],
            stacks: vec![0; lean.stacks()],
            frames: vec![(0, 0); lean.stacks()],
        };
        let head = 4 + 2 * profile.sample_types.len() + comments(profile).len();
        Self { lean, common, seen, part: 0, strings: common.texts().len() + head }
    }

    /// The profile that is measured.
    pub(super) fn of(&self) -> &'a Lean {
        self.lean
    }

    /// Begins an empty part.
    pub(super) fn next_part(&mut self) {
        self.part += 1;
    }

    /// The size of a part without samples.
    pub(super) fn head(&self) -> usize {
        head(&self.lean.tables, self.reference())
    }

    /// The size that a sample adds to the part.
    pub(super) fn add(&mut self, at: u32) -> usize {
        let row = self.lean.row(at);
        let stack = row.stack as usize;
        let mut rows = 0;
        if first_time(&mut self.seen.stacks, stack, self.part) {
            let mut ids = 0;
            for frame in self.lean.stack(row.stack) {
                ids += id(frame.location.0);
                rows += self.location(frame.location.0 as usize);
            }
            self.seen.frames[stack] = (ids, self.lean.guessed(row.stack));
        }
        let (frames, guessed) = self.seen.frames[stack];
        let (labels, texts) = self.labels(row, guessed);
        let values: usize = self.lean.values(at).iter().map(|value| varint(*value as u64)).sum();
        message(labels + message(frames) + message(values)) + texts + rows
    }

    /// The size of a sample's labels inside the sample, and of their strings outside.
    fn labels(&mut self, row: Row, guessed: usize) -> (usize, usize) {
        let common = self.common;
        let (mut inside, mut outside) = (0, 0);
        for LabelIds { key, text, number } in common.labels(row.set) {
            let number = number.map_or(0, |number| 1 + varint(number as u64));
            inside += message(2 * self.reference() + number);
            outside += [*key, *text].map(|id| self.string(id)).iter().sum::<usize>();
        }
        let marks = [row.marks.truncated, row.marks.caller_may_be_missing];
        let guessed = guessed as u64 + u64::from(row.marks.guessed_frames);
        if guessed > 0 {
            inside += message(2 * self.reference() + 1 + varint(guessed));
        }
        inside += marks
            .map(|set| if set { message(2 * self.reference()) } else { 0 })
            .iter()
            .sum::<usize>();
        if guessed > 0 || marks.contains(&true) {
            outside += SPOILT.map(|id| self.string(id)).sum::<usize>();
        }
        (inside, outside)
    }

    fn location(&mut self, at: usize) -> usize {
        if first_time(&mut self.seen.locations, at, self.part) { self.new_location(at) } else { 0 }
    }

    fn new_location(&mut self, at: usize) -> usize {
        let location: &Location = &self.lean.tables.locations[at];
        let mut inside = 2 + varint(at as u64 + 1) + varint(location.address);
        let mut outside = 0;
        if let Some(mapping) = location.mapping {
            inside += 1 + varint(self.lean.tables.mappings.len() as u64);
            outside += self.mapping(mapping.0 as usize);
        }
        for line in &location.lines {
            let function = line.function.0 as usize;
            inside += message(2 + varint(function as u64 + 1) + varint(line.line as u64));
            outside += self.function(function);
        }
        message(inside) + outside
    }

    fn function(&mut self, at: usize) -> usize {
        if !first_time(&mut self.seen.functions, at, self.part) {
            return 0;
        }
        let start_line = 1 + varint(self.lean.tables.functions[at].start_line as u64);
        let inside = 1 + varint(at as u64 + 1) + 3 * self.reference() + start_line;
        message(inside)
            + self.common.function_texts(at).map(|id| self.string(id)).iter().sum::<usize>()
    }

    fn mapping(&mut self, at: usize) -> usize {
        if !first_time(&mut self.seen.mappings, at, self.part) {
            return 0;
        }
        let Mapping { start, end, offset, .. } = self.lean.tables.mappings[at];
        let numbers: usize = [start, end, offset].map(|number| 1 + varint(number)).iter().sum();
        let flags = 4 * 2;
        let id = 1 + varint(self.lean.tables.mappings.len() as u64);
        let inside = id + numbers + flags + 2 * self.reference();
        message(inside)
            + self.common.mapping_texts(at).map(|id| self.string(id)).iter().sum::<usize>()
    }

    fn string(&mut self, id: u32) -> usize {
        if !first_time(&mut self.seen.strings, id as usize, self.part) {
            return 0;
        }
        string(self.common.texts()[id as usize].len())
    }

    /// The size of a field that refers to a string.
    fn reference(&self) -> usize {
        1 + varint(self.strings as u64)
    }
}

/// Whether the part did not have this row before. It has it afterwards.
fn first_time(seen: &mut [u32], at: usize, part: u32) -> bool {
    let seen = &mut seen[at];
    let first = *seen != part;
    if first {
        *seen = part;
    }
    first
}

/// The size of a number.
fn varint(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// The size of the id of a row. It is called for each frame, so it must be fast.
fn id(row: u32) -> usize {
    1 + usize::from(row >= 0x7f)
        + usize::from(row >= 0x3fff)
        + usize::from(row >= 0x1f_ffff)
        + usize::from(row >= 0xfff_ffff)
}

/// The size of the largest number.
fn varint_max() -> usize {
    varint(u64::MAX)
}

/// The size of a message or a list in another message.
fn message(inside: usize) -> usize {
    1 + varint(inside as u64) + inside
}

/// The size of a row of the string table.
fn string(len: usize) -> usize {
    message(len)
}

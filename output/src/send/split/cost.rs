//! How many bytes samples take as pprof: an upper bound.
//!
//! Ids count from 1 in each part and only get smaller there, so the whole profile's ids bound their lengths; strings
//! are numbered in the order of use, so the number of all strings bounds theirs.

use crate::Profile;
use crate::pprof::{CALLER_MAY_BE_MISSING, GUESSED_FRAMES, Strings, TRUNCATED};
use crate::profile::{Function, Label, LabelValue, Location, Mapping, Sample, Trust, ValueType};

/// Sums up what a part takes.
pub(super) struct Meter<'a> {
    profile: &'a Profile,
    strings: Strings<'a>,
    /// A function's name, system name and file.
    functions: Vec<[u32; 3]>,
    /// A mapping's file and build ID.
    mappings: Vec<[u32; 2]>,
    /// A label's key and its text or unit; all samples' labels in a row.
    labels: Vec<[u32; 2]>,
    /// Where a sample's labels begin.
    first_label: Vec<usize>,
    /// What the part has: the number of the last part that had it.
    seen: Seen,
    part: u32,
}

/// A bound for the whole profile that is quickly found and some times as high: texts of labels count each time.
pub(super) fn rough(profile: &Profile) -> usize {
    let reference = 1 + id(u32::MAX);
    let id = id(profile.locations.len() as u32);
    let texts = |texts: &[&String]| texts.iter().map(|text| string(text.len())).sum::<usize>();
    let function =
        |f: &Function| message(6 + 3 * reference) + texts(&[&f.name, &f.system_name, &f.file]);
    let mapping =
        |m: &Mapping| message(6 + 33 + 8 + 2 * reference) + texts(&[&m.file, &m.build_id]);
    let location = |l: &Location| message(6 + 6 + 11 + l.lines.len() * message(6 + 11));
    let label = |label: &Label| {
        let (LabelValue::Text(text) | LabelValue::Number(_, text)) = &label.value;
        message(2 * reference + 11) + texts(&[&label.key, text])
    };
    let sample = |s: &Sample| {
        let numbers = message(s.frames.len() * id) + message(s.values.len() * varint_max());
        let labels = s.labels.iter().map(label).sum::<usize>() + 3 * message(2 * reference + 6);
        message(numbers + labels)
    };
    head(profile, reference)
        + SPOILT.iter().map(|text| string(text.len())).sum::<usize>()
        + profile.functions.iter().map(function).sum::<usize>()
        + profile.mappings.iter().map(mapping).sum::<usize>()
        + profile.locations.iter().map(location).sum::<usize>()
        + profile.samples.iter().map(sample).sum::<usize>()
}

/// Everything but tables and samples.
fn head(profile: &Profile, reference: usize) -> usize {
    let text = |text: &str| string(text.len());
    let kind = |t: &ValueType| message(2 * reference) + text(&t.kind) + text(&t.unit);
    let comments: usize = profile.comments.iter().map(|comment| varint_max() + text(comment)).sum();
    // The empty string, the words before the summary, and the mapping of a part without files.
    let fixed = 100;
    let numbers = 4 * (1 + varint_max());
    fixed
        + numbers
        + profile.sample_types.iter().map(kind).sum::<usize>()
        + kind(&profile.period_type)
        + text(&profile.summary)
        + comments
}

struct Seen {
    strings: Vec<u32>,
    functions: Vec<u32>,
    mappings: Vec<u32>,
    locations: Vec<u32>,
}

/// Labels that tell what spoils a stack: their strings.
const SPOILT: [&str; 5] = [GUESSED_FRAMES, "frames", TRUNCATED, CALLER_MAY_BE_MISSING, "true"];

impl<'a> Meter<'a> {
    pub(super) fn new(profile: &'a Profile) -> Self {
        let mut strings = Strings::new(2 * profile.functions.len());
        for text in SPOILT {
            strings.id(text);
        }
        let functions = profile
            .functions
            .iter()
            .map(|f| [&f.name, &f.system_name, &f.file].map(|text| strings.id(text)))
            .collect();
        let mappings = profile
            .mappings
            .iter()
            .map(|m| [&m.file, &m.build_id].map(|text| strings.id(text)))
            .collect();
        let mut labels = Vec::new();
        let mut first_label = Vec::with_capacity(profile.samples.len());
        for sample in &profile.samples {
            first_label.push(labels.len());
            labels.extend(sample.labels.iter().map(|label| {
                let (LabelValue::Text(text) | LabelValue::Number(_, text)) = &label.value;
                [strings.id(&label.key), strings.id(text)]
            }));
        }
        let seen = Seen {
            strings: vec![0; strings.list().len()],
            functions: vec![0; profile.functions.len()],
            mappings: vec![0; profile.mappings.len()],
            locations: vec![0; profile.locations.len()],
        };
        Self { profile, strings, functions, mappings, labels, first_label, seen, part: 1 }
    }

    /// Begins a part: it has nothing yet.
    pub(super) fn next_part(&mut self) {
        self.part += 1;
    }

    /// Whether the samples that were added need every row of the tables.
    pub(super) fn needs_all(&self) -> bool {
        let Seen { functions, mappings, locations, strings: _ } = &self.seen;
        [functions, mappings, locations].iter().all(|rows| !rows.contains(&0))
    }

    /// What each part has, without any sample.
    pub(super) fn head(&self) -> usize {
        head(self.profile, self.reference())
    }

    /// What a sample adds to the part.
    pub(super) fn add(&mut self, at: usize) -> usize {
        let sample = &self.profile.samples[at];
        let (labels, texts) = self.labels(at);
        let (mut locations, mut rows) = (0, 0);
        for frame in &sample.frames {
            locations += id(frame.location.0);
            rows += self.location(frame.location.0 as usize);
        }
        let values: usize = sample.values.iter().map(|value| varint(*value as u64)).sum();
        message(labels + message(locations) + message(values)) + texts + rows
    }

    /// What a sample's labels take in it, and their strings outside of it.
    fn labels(&mut self, at: usize) -> (usize, usize) {
        let sample = &self.profile.samples[at];
        let (mut inside, mut outside) = (0, 0);
        let first = self.first_label[at];
        for (label, place) in sample.labels.iter().zip(first..) {
            let number = match label.value {
                LabelValue::Text(_) => 0,
                LabelValue::Number(number, _) => 1 + varint(number as u64),
            };
            inside += message(2 * self.reference() + number);
            outside += self.labels[place].map(|id| self.string(id)).iter().sum::<usize>();
        }
        let guessed = sample.frames.iter().any(|frame| frame.trust == Trust::Guessed);
        let marks = [sample.marks.truncated, sample.marks.caller_may_be_missing];
        if guessed {
            inside += message(2 * self.reference() + 1 + varint(sample.frames.len() as u64));
        }
        inside += marks
            .map(|set| if set { message(2 * self.reference()) } else { 0 })
            .iter()
            .sum::<usize>();
        if guessed || marks.contains(&true) {
            outside += (1..=SPOILT.len()).map(|id| self.string(id as u32)).sum::<usize>();
        }
        (inside, outside)
    }

    fn location(&mut self, at: usize) -> usize {
        if first_time(&mut self.seen.locations, at, self.part) { self.new_location(at) } else { 0 }
    }

    fn new_location(&mut self, at: usize) -> usize {
        let profile = self.profile;
        let location: &Location = &profile.locations[at];
        let mut inside = 2 + varint(at as u64 + 1) + varint(location.address);
        let mut outside = 0;
        if let Some(mapping) = location.mapping {
            inside += 1 + varint(profile.mappings.len() as u64);
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
        let inside = 1 + varint(at as u64 + 1) + 3 * self.reference();
        message(inside) + self.functions[at].map(|id| self.string(id)).iter().sum::<usize>()
    }

    fn mapping(&mut self, at: usize) -> usize {
        if !first_time(&mut self.seen.mappings, at, self.part) {
            return 0;
        }
        let Mapping { start, end, offset, .. } = self.profile.mappings[at];
        let numbers: usize = [start, end, offset].map(|number| 1 + varint(number)).iter().sum();
        let flags = 4 * 2;
        let id = 1 + varint(self.profile.mappings.len() as u64);
        let inside = id + numbers + flags + 2 * self.reference();
        message(inside) + self.mappings[at].map(|id| self.string(id)).iter().sum::<usize>()
    }

    fn string(&mut self, id: u32) -> usize {
        if !first_time(&mut self.seen.strings, id as usize, self.part) {
            return 0;
        }
        string(self.strings.list()[id as usize].len())
    }

    /// A field that refers to a string.
    fn reference(&self) -> usize {
        let head = 4 + 2 * self.profile.sample_types.len() + self.profile.comments.len();
        1 + varint((self.strings.list().len() + head) as u64)
    }
}

/// Whether the part did not have this yet; it has it now.
fn first_time(seen: &mut [u32], at: usize, part: u32) -> bool {
    let seen = &mut seen[at];
    let first = *seen != part;
    if first {
        *seen = part;
    }
    first
}

/// Bytes of a number.
fn varint(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes of the id of a row: this is asked for each frame.
fn id(row: u32) -> usize {
    1 + usize::from(row >= 0x7f)
        + usize::from(row >= 0x3fff)
        + usize::from(row >= 0x1f_ffff)
        + usize::from(row >= 0xfff_ffff)
}

/// The most that a number takes.
fn varint_max() -> usize {
    varint(u64::MAX)
}

/// Bytes of a message or a list in another message.
fn message(inside: usize) -> usize {
    1 + varint(inside as u64) + inside
}

/// Bytes of a row of the string table.
fn string(len: usize) -> usize {
    message(len)
}

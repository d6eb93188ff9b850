//! Writing pprof.

use super::location_ids::{LocationIds, put_varint};
use super::mappings::{self, Symbols};
use super::wire::{self, field};
use super::{CALLER_MAY_BE_MISSING, GUESSED_FRAMES, NO_FILE, SUMMARY, Strings, TRUNCATED};
use crate::profile::{LabelValue, Profile, Sample, Trust};
use crate::subset::Subset;
use crate::{Encode, ValueType};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::io::{self, Write};

/// Writes pprof.
///
/// Ids are sequential from 1 and the first string is empty. What the format has no field for goes into
/// labels: `guessed_frames` (how many, where any is), `truncated` and `caller_may_be_missing` (`true`); and
/// [`Profile::summary`] into the first comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pprof {
    /// Compress, as readers expect of files.
    pub gzip: bool,
    /// Write the samples' own labels (`pid`, `tid`, `comm`, `thread`).
    pub labels: bool,
    /// Write labels that tell what spoils a stack. Backends that make a series of each label take it ill.
    pub quality: bool,
    /// The file that readers are to take for the profiled program: the recorded command's.
    pub main: Option<String>,
}

impl Default for Pprof {
    fn default() -> Self {
        Self { gzip: true, labels: true, quality: true, main: None }
    }
}

impl Encode for Pprof {
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let plain = self.plain(profile);
        to.write_all(&if self.gzip { packed(&plain) } else { plain })
    }
}

impl Pprof {
    /// The bytes, not compressed, of a profile that holds together.
    pub(crate) fn plain(&self, profile: &Profile) -> Vec<u8> {
        self.plain_of(&Subset::whole(profile), &profile.samples, &mappings::symbols(profile))
    }

    /// As [`Pprof::plain`], of samples whose frames lie in the tables of the subset's whole profile. It has settled
    /// what they need; `symbols` are of the whole.
    pub(crate) fn plain_of(
        &self,
        subset: &Subset<'_>,
        samples: &[Sample],
        symbols: &[Symbols],
    ) -> Vec<u8> {
        let profile = subset.of;
        let summary = format!("{SUMMARY}{}", profile.summary);
        let mut bytes = Vec::new();
        let mut strings = Strings::new(2 * subset.functions.needed.len());
        head(profile, &summary, &mut strings).encode(&mut bytes).expect("a vector grows");
        let mut counts = mappings::Counts::new(subset);
        let ids = LocationIds::new(&subset.locations);
        sample_table(samples, &ids, self, &mut strings, &mut counts, &mut bytes);
        let order = counts.order(subset, self.main.as_deref());
        mapping_table(profile, &order, symbols, &mut strings, &mut bytes);
        location_table(subset, &order, &mut bytes);
        function_table(subset, &mut strings, &mut bytes);
        for text in strings.list() {
            put_length_delimited(field::STRING, text.len(), &mut bytes);
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

/// The bytes, compressed.
pub(crate) fn packed(plain: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(plain).expect("a vector grows");
    gzip.finish().expect("a vector grows")
}

/// Appends a field's key and the length of what follows.
fn put_length_delimited(number: u32, len: usize, to: &mut Vec<u8>) {
    // Wire type 2; all our field numbers are below 16, so the key is one byte.
    to.push((number << 3 | 2) as u8);
    prost::encode_length_delimiter(len, to).expect("a vector grows");
}

fn put(number: u32, message: &impl Message, to: &mut Vec<u8>) {
    put_length_delimited(number, message.encoded_len(), to);
    message.encode_raw(to);
}

fn head<'a>(profile: &'a Profile, summary: &'a str, strings: &mut Strings<'a>) -> wire::Head {
    let mut kind = |t: &'a ValueType| wire::ValueType {
        kind: strings.field(&t.kind),
        unit: strings.field(&t.unit),
    };
    let sample_type: Vec<_> = profile.sample_types.iter().map(&mut kind).collect();
    let period_type = Some(kind(&profile.period_type)).filter(|t| t.kind != 0 || t.unit != 0);
    let facts = profile.comments.iter().map(String::as_str);
    let summary = Some(summary).filter(|_| !profile.summary.is_empty());
    wire::Head {
        default_sample_type: sample_type[profile.default_sample_type].kind,
        sample_type,
        time_nanos: profile.time_nanos,
        duration_nanos: profile.duration_nanos,
        period_type,
        period: profile.period,
        comment: summary.into_iter().chain(facts).map(|text| strings.field(text)).collect(),
    }
}

/// Written field by field: of a large profile this is nearly all.
fn sample_table<'a>(
    samples: &'a [Sample],
    ids: &LocationIds,
    options: &Pprof,
    strings: &mut Strings<'a>,
    counts: &mut mappings::Counts,
    to: &mut Vec<u8>,
) {
    let (mut message, mut numbers, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (at, sample) in samples.iter().enumerate() {
        counts.add(at, sample);
        message.clear();
        ids.write(sample, &mut numbers);
        put_bytes(1, &numbers, &mut message);
        numbers.clear();
        sample.values.iter().for_each(|value| put_varint(*value as u64, &mut numbers));
        put_bytes(2, &numbers, &mut message);
        labels.clear();
        if options.labels {
            own_labels(sample, strings, &mut labels);
        }
        if options.quality {
            quality_labels(sample, strings, &mut labels);
        }
        labels.iter().for_each(|label| put(3, label, &mut message));
        put_length_delimited(field::SAMPLE, message.len(), to);
        to.extend_from_slice(&message);
    }
}

/// A number, which is not written where it is 0.
fn put_number(field: u32, number: u64, to: &mut Vec<u8>) {
    if number != 0 {
        put_varint(u64::from(field << 3), to);
        put_varint(number, to);
    }
}

/// A message or a list of numbers, which is not written where it is empty.
fn put_bytes(number: u32, bytes: &[u8], to: &mut Vec<u8>) {
    if !bytes.is_empty() {
        put_length_delimited(number, bytes.len(), to);
        to.extend_from_slice(bytes);
    }
}

fn own_labels<'a>(sample: &'a Sample, strings: &mut Strings<'a>, to: &mut Vec<wire::Label>) {
    // A label with an empty text would be read as the number 0.
    let is_empty = |value: &LabelValue| matches!(value, LabelValue::Text(text) if text.is_empty());
    for label in sample.labels.iter().filter(|label| !is_empty(&label.value)) {
        let key = strings.field(&label.key);
        to.push(match &label.value {
            LabelValue::Text(text) => {
                wire::Label { key, str: strings.field(text), num: 0, num_unit: 0 }
            }
            LabelValue::Number(num, unit) => {
                wire::Label { key, str: 0, num: *num, num_unit: strings.field(unit) }
            }
        });
    }
}

fn quality_labels<'a>(sample: &Sample, strings: &mut Strings<'a>, to: &mut Vec<wire::Label>) {
    let guessed = sample.frames.iter().filter(|frame| frame.trust == Trust::Guessed).count();
    if guessed > 0 {
        let (key, num_unit) = (strings.field(GUESSED_FRAMES), strings.field("frames"));
        to.push(wire::Label { key, str: 0, num: guessed as i64, num_unit });
    }
    let marks = sample.marks;
    for (set, key) in
        [(marks.truncated, TRUNCATED), (marks.caller_may_be_missing, CALLER_MAY_BE_MISSING)]
    {
        if set {
            to.push(wire::Label {
                key: strings.field(key),
                str: strings.field("true"),
                num: 0,
                num_unit: 0,
            });
        }
    }
}

fn mapping_table<'a>(
    profile: &'a Profile,
    order: &[usize],
    symbols: &[Symbols],
    strings: &mut Strings<'a>,
    to: &mut Vec<u8>,
) {
    if order.is_empty() {
        // Readers miss a program otherwise, and say so.
        let message = wire::Mapping {
            id: 1,
            filename: strings.field(NO_FILE),
            has_functions: true,
            ..Default::default()
        };
        return put(field::MAPPING, &message, to);
    }
    for (id, &at) in (1..).zip(order) {
        let mapping = &profile.mappings[at];
        let mut message = wire::Mapping {
            id,
            memory_start: mapping.start,
            memory_limit: mapping.end,
            file_offset: mapping.offset,
            filename: strings.field(&mapping.file),
            build_id: strings.field(&mapping.build_id),
            ..Default::default()
        };
        symbols[at].put(&mut message);
        put(field::MAPPING, &message, to);
    }
}

fn location_table(subset: &Subset<'_>, order: &[usize], to: &mut Vec<u8>) {
    let mut mapping_ids = vec![0; subset.mappings.of()];
    for (id, &at) in (1..).zip(order) {
        mapping_ids[at] = id;
    }
    let (mut message, mut inner) = (Vec::new(), Vec::new());
    for (id, row) in (1..).zip(&subset.locations.needed) {
        let location = &subset.of.locations[*row as usize];
        message.clear();
        put_number(1, id, &mut message);
        let mapping = location.mapping.map_or(0, |mapping| mapping_ids[mapping.0 as usize]);
        put_number(2, mapping, &mut message);
        put_number(3, location.address, &mut message);
        for line in &location.lines {
            inner.clear();
            put_number(1, u64::from(subset.functions.place(line.function.0)) + 1, &mut inner);
            put_number(2, line.line as u64, &mut inner);
            put_bytes(4, &inner, &mut message);
        }
        put_bytes(field::LOCATION, &message, to);
    }
}

fn function_table<'a>(subset: &Subset<'a>, strings: &mut Strings<'a>, to: &mut Vec<u8>) {
    for (id, row) in (1..).zip(&subset.functions.needed) {
        let function = &subset.of.functions[*row as usize];
        let message = wire::Function {
            id,
            name: strings.field(&function.name),
            system_name: strings.field(&function.system_name),
            filename: strings.field(&function.file),
        };
        put(field::FUNCTION, &message, to);
    }
}

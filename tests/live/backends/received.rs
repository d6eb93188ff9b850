//! What a backend was sent, or shows: profiles with everything resolved.

use flate2::read::GzDecoder;
use pprof::protos::{self, Message};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// A profile as another side has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    /// Labels or attributes of the whole.
    pub(crate) labels: BTreeMap<String, String>,
    /// Headers of the request, names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    /// `type/unit` of each value column.
    pub(crate) types: Vec<String>,
    /// `type/unit` of the period.
    pub(crate) period_type: String,
    /// In that unit.
    pub(crate) period: i64,
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    /// Nanoseconds.
    pub(crate) duration: i64,
    pub(crate) samples: Vec<Sample>,
    /// Path and build ID of each file.
    pub(crate) mappings: Vec<(String, String)>,
}

/// A stack with its values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Leaf first, inlined functions included.
    pub(crate) stack: Vec<Frame>,
    pub(crate) values: Vec<i64>,
    pub(crate) labels: BTreeMap<String, String>,
}

/// A function at a line; what has no name is an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) file: String,
    pub(crate) line: i64,
    pub(crate) address: u64,
}

impl Received {
    /// From a line that the receivers of `tests/backends` write.
    pub(crate) fn from_line(line: &str) -> Self {
        let whole: Value = serde_json::from_str(line).expect("it is a line of JSON");
        let profile = &whole["profile"];
        let mapping = |m: &Value| (text(&m["file"]), text(&m["build_id"]));
        Self {
            labels: map(&whole["labels"]),
            headers: map(&whole["headers"])
                .into_iter()
                .map(|(k, v)| (k.to_ascii_lowercase(), v))
                .collect(),
            types: list(&profile["types"]).iter().map(text).collect(),
            period_type: text(&profile["period_type"]),
            period: number(&profile["period"]),
            time: number(&profile["time"]),
            duration: number(&profile["duration"]),
            samples: list(&profile["samples"]).iter().map(sample).collect(),
            mappings: list(&profile["mappings"]).iter().map(mapping).collect(),
        }
    }

    /// From a file that bpflame wrote.
    pub(crate) fn from_file(path: &Path) -> Self {
        Self::from_pprof(&std::fs::read(path).unwrap())
    }

    /// From pprof's bytes, gzipped or not, read by a decoder that is not ours.
    pub(crate) fn from_pprof(bytes: &[u8]) -> Self {
        let mut plain = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(bytes).read_to_end(&mut plain).expect("it is gzipped");
        } else {
            plain.extend_from_slice(bytes);
        }
        resolve(&protos::Profile::decode(plain.as_slice()).expect("it is a profile"))
    }

    /// The sum of a value column.
    pub(crate) fn sum(&self, kind: &str) -> i64 {
        self.sum_where(kind, |_| true)
    }

    /// The sum over the samples that fit.
    pub(crate) fn sum_where(&self, kind: &str, fits: impl Fn(&Sample) -> bool) -> i64 {
        let Some(column) = self.types.iter().position(|t| t == kind) else { return 0 };
        self.samples.iter().filter(|s| fits(s)).map(|s| s.values[column]).sum()
    }
}

impl Sample {
    /// Its frame of this function, the one nearest to the leaf.
    pub(crate) fn frame(&self, function: &str) -> Option<&Frame> {
        self.stack.iter().find(|frame| frame.function == function)
    }
}

fn resolve(profile: &protos::Profile) -> Received {
    let text = |index: i64| profile.string_table[usize::try_from(index).unwrap()].clone();
    let kind = |t: &protos::ValueType| format!("{}/{}", text(t.ty), text(t.unit));
    let locations: BTreeMap<u64, _> = profile.location.iter().map(|l| (l.id, l)).collect();
    let functions: BTreeMap<u64, _> = profile.function.iter().map(|f| (f.id, f)).collect();
    let frames = |location: &protos::Location| -> Vec<Frame> {
        let address = location.address;
        if location.line.is_empty() {
            return vec![Frame { address, ..Frame::default() }];
        }
        let frame = |line: &protos::Line| {
            let its = functions[&line.function_id];
            Frame { function: text(its.name), file: text(its.filename), line: line.line, address }
        };
        location.line.iter().map(frame).collect()
    };
    let label =
        |l: &protos::Label| (text(l.key), if l.str == 0 { l.num.to_string() } else { text(l.str) });
    let sample = |s: &protos::Sample| Sample {
        stack: s.location_id.iter().flat_map(|id| frames(locations[id])).collect(),
        values: s.value.clone(),
        labels: s.label.iter().map(label).collect(),
    };
    Received {
        types: profile.sample_type.iter().map(kind).collect(),
        period_type: profile.period_type.as_ref().map(kind).unwrap_or_default(),
        period: profile.period,
        time: profile.time_nanos,
        duration: profile.duration_nanos,
        samples: profile.sample.iter().map(sample).collect(),
        mappings: profile.mapping.iter().map(|m| (text(m.filename), text(m.build_id))).collect(),
        ..Received::default()
    }
}

fn sample(value: &Value) -> Sample {
    let frame = |f: &Value| Frame {
        function: text(&f["function"]),
        file: text(&f["file"]),
        line: number(&f["line"]),
        address: text(&f["address"]).parse().unwrap(),
    };
    Sample {
        stack: list(&value["stack"]).iter().map(frame).collect(),
        values: list(&value["values"]).iter().map(number).collect(),
        labels: map(&value["labels"]),
    }
}

/// An array; none where it is absent.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A number, also one that stands in quotes, as protobuf's JSON has those of 64 bits; 0 where it is absent.
pub(crate) fn number(value: &Value) -> i64 {
    match value {
        Value::String(digits) => digits.parse().expect("it is a number"),
        other => other.as_i64().unwrap_or(0),
    }
}

fn map(value: &Value) -> BTreeMap<String, String> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), text(value))).collect()
}

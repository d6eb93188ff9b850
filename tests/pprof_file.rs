//! pprof files, read back by a decoder that is not ours.

use flate2::read::GzDecoder;
use pprof::protos::{self, Message};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// A recording in pprof's form, with all references resolved.
#[derive(Debug)]
pub(crate) struct PprofFile {
    pub(crate) samples: Vec<Sample>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) comments: Vec<String>,
    /// `kind/unit` of each value column.
    pub(crate) sample_types: Vec<String>,
}

/// A sample.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Function names, root first, inlined ones included.
    pub(crate) stack: Vec<String>,
    /// The same functions with their lines.
    pub(crate) frames: Vec<Frame>,
    /// The number of these names that an address has, root first.
    pub(crate) names: Vec<usize>,
    /// Indices into the mappings, root first; none for code outside files.
    pub(crate) mappings: Vec<Option<usize>>,
    /// Addresses, root first.
    pub(crate) addresses: Vec<u64>,
    pub(crate) values: Vec<i64>,
    /// Labels as text.
    pub(crate) labels: BTreeMap<String, String>,
}

/// A function in a stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    pub(crate) name: String,
    pub(crate) file: String,
    /// The line of its definition; 0: it is not known.
    pub(crate) start: i64,
    /// The line in it; 0: it is not known.
    pub(crate) line: i64,
}

/// A mapping.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) file: String,
    pub(crate) build_id: String,
}

impl PprofFile {
    /// Reads a gzipped file.
    ///
    /// # Panics
    /// When it is not a valid profile.
    pub(crate) fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut bytes = Vec::new();
        GzDecoder::new(file).read_to_end(&mut bytes).expect("it is gzipped");
        let profile = protos::Profile::decode(bytes.as_slice()).expect("it is a profile");
        Self::resolve(&profile)
    }

    fn resolve(profile: &protos::Profile) -> Self {
        let text = |index: i64| profile.string_table[index as usize].clone();
        let functions: BTreeMap<u64, &protos::Function> =
            profile.function.iter().map(|f| (f.id, f)).collect();
        let mapping_index: BTreeMap<u64, usize> =
            profile.mapping.iter().enumerate().map(|(i, m)| (m.id, i)).collect();
        let locations: BTreeMap<u64, &protos::Location> =
            profile.location.iter().map(|l| (l.id, l)).collect();
        let sample = |s: &protos::Sample| {
            let frames: Vec<_> = s.location_id.iter().rev().map(|id| locations[id]).collect();
            let frame = |line: &protos::Line| {
                let function = functions[&line.function_id];
                Frame {
                    name: text(function.name),
                    file: text(function.filename),
                    start: function.start_line,
                    line: line.line,
                }
            };
            let lines = frames.iter().flat_map(|l| l.line.iter().rev());
            let all: Vec<Frame> = lines.map(frame).collect();
            Sample {
                stack: all.iter().map(|frame| frame.name.clone()).collect(),
                frames: all,
                mappings: frames
                    .iter()
                    .map(|l| mapping_index.get(&l.mapping_id).copied())
                    .collect(),
                names: frames.iter().map(|l| l.line.len()).collect(),
                addresses: frames.iter().map(|l| l.address).collect(),
                values: s.value.clone(),
                labels: s.label.iter().map(|l| (text(l.key), label_value(l, &text))).collect(),
            }
        };
        Self {
            samples: profile.sample.iter().map(sample).collect(),
            mappings: profile
                .mapping
                .iter()
                .map(|m| Mapping { file: text(m.filename), build_id: text(m.build_id) })
                .collect(),
            comments: profile.comment.iter().map(|&c| text(c)).collect(),
            sample_types: profile
                .sample_type
                .iter()
                .map(|t| format!("{}/{}", text(t.ty), text(t.unit)))
                .collect(),
        }
    }

    /// The first column of the samples that fit.
    pub(crate) fn count(&self, fits: impl Fn(&Sample) -> bool) -> i64 {
        self.samples.iter().filter(|s| fits(s)).map(|s| s.values[0]).sum()
    }

    /// The values that a label has.
    pub(crate) fn label_values(&self, key: &str) -> Vec<&str> {
        let mut values: Vec<_> =
            self.samples.iter().filter_map(|s| s.labels.get(key)).map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

impl Sample {
    /// A label's value.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    /// Whether the stack has this function.
    pub(crate) fn has(&self, function: &str) -> bool {
        self.stack.iter().any(|name| name == function)
    }

    /// Whether the process was ending and had given its memory up: there was no user stack any more.
    pub(crate) fn is_exiting(&self) -> bool {
        self.has("[exiting]")
    }
}

fn label_value(label: &protos::Label, text: &impl Fn(i64) -> String) -> String {
    if label.str == 0 { label.num.to_string() } else { text(label.str) }
}

//! Writing pprof.

use super::body::{Body, put_label};
use super::texts::{LabelIds, Order, TextIds};
use super::{
    APPROXIMATE_LINES, CALLER_MAY_BE_MISSING, GUESSED_FRAMES, NO_FILE, Strings, TRUNCATED,
};
use crate::encode::{Encode, Format};
use crate::model::profile::{Profile, Sample};
use crate::model::subset::Subset;
use crate::model::symbols::symbols;
use crate::tell;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};

/// Writes pprof.
///
/// Ids are sequential from 1, and the first string is empty. The format has no fields for defective stacks, so they have labels:
/// `guessed_frames` and `approximate_lines` (their numbers, if there are any), `truncated` and `caller_may_be_missing` (`true`). The facts of the profile are
/// [`comments`](tell::comments). [`Profile::program`] is the first mapping, which readers take for the profiled program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pprof {
    /// Compress with gzip, as readers expect of files.
    pub gzip: bool,
    /// Write the labels of samples (`pid`, `tid`, `comm`, `thread`).
    pub labels: bool,
    /// Write the labels of defective stacks. They are unwanted by backends that make a series of each label.
    pub quality: bool,
}

impl Default for Pprof {
    fn default() -> Self {
        Self { gzip: true, labels: true, quality: true }
    }
}

/// pprof, compressed.
pub const FORMAT: Format = Format {
    name: "pprof",
    extensions: &["pb.gz", "pprof"],
    times: false,
    encoder: |settings| Box::new(Pprof { labels: settings.labels, ..Pprof::default() }),
};

impl Encode for Pprof {
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let plain = self.plain(profile);
        to.write_all(&if self.gzip { packed(&plain) } else { plain })
    }
}

impl Pprof {
    /// The bytes of a consistent profile, not compressed.
    fn plain(&self, profile: &Profile) -> Vec<u8> {
        let comments = tell::comments(profile);
        let mut strings = Strings::new(2 * profile.functions.len());
        let texts = TextIds::new(profile, &comments, &mut strings);
        let mut body = Body::new(Subset::whole(profile), &texts, strings.list().len());
        body.begin(profile.time_nanos);
        let mut labels = Vec::new();
        for (at, sample) in profile.samples.iter().enumerate() {
            labels.clear();
            self.labels(sample, &mut strings, &mut body.order, &mut labels);
            body.sample(at, &sample.frames, &sample.values, &labels);
        }
        let no_file = strings.id(NO_FILE);
        body.tables(&symbols(profile), profile.program.as_deref(), no_file);
        body.strings(strings.list());
        body.finish()
    }

    fn labels<'a>(
        &self,
        sample: &'a Sample,
        strings: &mut Strings<'a>,
        order: &mut Order,
        to: &mut Vec<u8>,
    ) {
        for label in sample.labels.iter().filter(|_| self.labels) {
            put_label(LabelIds::new(label, strings), order, to);
        }
        if self.quality {
            quality_labels(sample, strings, order, to);
        }
    }
}

fn quality_labels(sample: &Sample, strings: &mut Strings<'_>, order: &mut Order, to: &mut Vec<u8>) {
    let guessed = sample.guessed_frames();
    let marks = sample.marks;
    let number = |count: u64| (count > 0).then_some(count as i64);
    let (guessed, lines) = (number(guessed), number(marks.approximate_lines.into()));
    let labels = [
        (lines.is_some(), APPROXIMATE_LINES, "lines", lines),
        (guessed.is_some(), GUESSED_FRAMES, "frames", guessed),
        (marks.truncated, TRUNCATED, "true", None),
        (marks.caller_may_be_missing, CALLER_MAY_BE_MISSING, "true", None),
    ];
    for (_, key, text, number) in labels.into_iter().filter(|(set, ..)| *set) {
        let label = LabelIds { key: strings.id(key), text: strings.id(text), number };
        put_label(label, order, to);
    }
}

/// The bytes, compressed.
pub fn packed(plain: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::with_capacity(plain.len() / 2), Compression::fast());
    gzip.write_all(plain).expect("a vector grows");
    gzip.finish().expect("a vector grows")
}

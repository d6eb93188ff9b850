//! Some samples of a lean profile as pprof, part by part.

use super::NO_FILE;
use super::body::{Body, put_label};
use super::texts::{LabelIds, Texts};
use crate::model::lean::Lean;
use crate::model::subset::Subset;
use crate::model::symbols::{Symbols, symbols};

/// The content that is the same in each part of a lean profile.
#[derive(Debug)]
pub struct Common<'a> {
    lean: &'a Lean,
    texts: Texts<'a>,
    symbols: Vec<Symbols>,
}

/// The texts with the first numbers of [`Texts`]. Those of the profile follow.
const OTHERS: [&str; 8] = [
    NO_FILE,
    super::APPROXIMATE_LINES,
    "lines",
    super::GUESSED_FRAMES,
    "frames",
    super::TRUNCATED,
    super::CALLER_MAY_BE_MISSING,
    "true",
];

/// The number of [`NO_FILE`].
const NO_FILE_ID: u32 = 1;

/// The numbers of the texts in the labels of defective stacks.
pub const SPOILT: std::ops::Range<u32> = 2..7;

impl<'a> Common<'a> {
    /// The common content of a profile. `comments` are its [`comments`](crate::tell::comments).
    pub fn new(lean: &'a Lean, comments: &'a [String]) -> Self {
        let symbols = symbols(&lean.tables);
        Self { lean, texts: Texts::new(lean, comments, &OTHERS), symbols }
    }

    /// All texts, by their numbers.
    pub fn texts(&self) -> &[&'a str] {
        self.texts.list()
    }

    /// The labels of a set.
    pub fn labels(&self, set: u32) -> &[LabelIds] {
        &self.texts.labels[set as usize]
    }

    /// The numbers of a function's texts: name, system name and file.
    pub fn function_texts(&self, function: usize) -> [u32; 3] {
        self.texts.ids.functions[function]
    }

    /// The numbers of a mapping's texts: file and build ID.
    pub fn mapping_texts(&self, mapping: usize) -> [u32; 2] {
        self.texts.ids.mappings[mapping]
    }
}

/// Writes parts one after the other, without the labels of defective stacks.
#[derive(Debug)]
pub struct Parts<'a> {
    common: &'a Common<'a>,
    body: Body<'a>,
    /// Whether samples have their labels.
    labels: bool,
}

impl<'a> Parts<'a> {
    /// A writer of parts. `labels` says whether samples have their labels.
    pub fn new(common: &'a Common<'a>, labels: bool) -> Self {
        let subset = Subset::new(&common.lean.tables);
        let body = Body::new(subset, &common.texts.ids, common.texts.list().len());
        Self { common, body, labels }
    }

    /// The bytes of these samples, not compressed.
    pub fn plain(&mut self, rows: &[u32], time_nanos: i64) -> Vec<u8> {
        let Common { lean, texts, symbols } = self.common;
        lean.need(rows, &mut self.body.subset);
        self.body.begin(time_nanos);
        let (mut labels, mut set) = (Vec::new(), None);
        for (at, number) in rows.iter().enumerate() {
            let row = lean.row(*number);
            if self.labels && set != Some(row.set) {
                set = Some(row.set);
                labels.clear();
                for label in &texts.labels[row.set as usize] {
                    put_label(*label, &mut self.body.order, &mut labels);
                }
            }
            self.body.sample(at, lean.stack(row.stack), lean.values(*number), &labels);
        }
        self.body.tables(symbols, None, NO_FILE_ID);
        self.body.strings(texts.list());
        self.body.finish()
    }
}

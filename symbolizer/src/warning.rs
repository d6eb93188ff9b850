//! Foreign files that were refused or are malformed: counted, for the summary.

use std::collections::BTreeSet;

/// A defect of a foreign file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub file: String,
    /// Its defect, as in "DWARF is malformed".
    pub what: String,
}

/// The defects of foreign files, each once.
#[derive(Debug, Default)]
pub(crate) struct Spoilt {
    known: BTreeSet<(String, String)>,
    more: u64,
}

impl Spoilt {
    /// The most warnings that are kept. Further ones are counted.
    const MOST: usize = 1000;

    /// Adds a file and its defect.
    pub(crate) fn add(&mut self, path: &[u8], what: impl Into<String>) {
        let entry = (String::from_utf8_lossy(path).into_owned(), what.into());
        if self.known.len() < Self::MOST {
            self.known.insert(entry);
        } else if !self.known.contains(&entry) {
            self.more += 1;
        }
    }

    /// All warnings, sorted by file.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let named = self
            .known
            .iter()
            .map(|(file, what)| Warning { file: file.clone(), what: what.clone() });
        let more = (self.more > 0).then(|| Warning {
            file: format!("{} more files", self.more),
            what: "damaged in some way".to_owned(),
        });
        named.chain(more).collect()
    }
}

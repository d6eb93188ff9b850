//! Foreign files that were refused or are malformed: counted, for the summary.

use std::collections::BTreeSet;

/// One foreign file was spoilt, and the reason; counted, for the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which file.
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
    /// The most warnings that are kept; further ones are counted.
    const MOST: usize = 1000;

    /// A file and what is wrong with it.
    pub(crate) fn add(&mut self, path: &[u8], what: impl Into<String>) {
        let entry = (String::from_utf8_lossy(path).into_owned(), what.into());
        if self.known.len() < Self::MOST {
            self.known.insert(entry);
        } else if !self.known.contains(&entry) {
            self.more += 1;
        }
    }

    /// All of them, sorted by file.
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

//! Foreign files that were refused or are malformed: counted, for the summary.

use crate::shares::Shares;
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
    /// The defects that each process brought.
    of: Shares,
    more: u64,
}

impl Spoilt {
    /// The most warnings that are kept. Further ones are counted.
    const MOST: usize = 1000;

    /// Adds a file and its defect, which a process brought. A process has a share of the warnings. Further ones are counted.
    pub(crate) fn add(&mut self, pid: u32, path: &[u8], what: impl Into<String>) {
        let entry = (String::from_utf8_lossy(path).into_owned(), what.into());
        if self.known.contains(&entry) {
            return;
        }
        if self.of.try_take(pid, 1, Self::MOST) {
            self.known.insert(entry);
        } else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_does_not_take_the_warnings_of_others() {
        let mut spoilt = Spoilt::default();
        for number in 0..2 * Spoilt::MOST {
            spoilt.add(1, number.to_string().as_bytes(), "broken");
        }
        spoilt.add(1, b"0", "broken");
        spoilt.add(2, b"other", "broken");
        let warnings = spoilt.warnings();
        assert_eq!(warnings.len(), 7 * Spoilt::MOST / 8 + 2);
        assert!(warnings.iter().any(|warning| warning.file == "other"));
        assert_eq!(warnings.last().unwrap().file, format!("{} more files", 9 * Spoilt::MOST / 8));
    }
}

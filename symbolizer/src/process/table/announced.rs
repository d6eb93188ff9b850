//! Programs to come, and those that were taken for others.

use crate::warning::Warning;
use std::collections::HashMap;

/// What is known of programs to come, and of those that were taken for others.
#[derive(Debug, Default)]
pub(crate) struct Hindsight {
    /// By pid: when the last exec that was announced and not yet applied happened.
    pub(super) announced: HashMap<u32, u64>,
    /// Samples that were located by the maps of another program, perhaps.
    pub(super) misplaced: u64,
}

impl Hindsight {
    /// Whether `/proc` shows a later program of a pid than the present one.
    pub(crate) fn shows_another(&self, pid: u32) -> bool {
        self.announced.contains_key(&pid)
    }

    /// What to tell the reader.
    pub(crate) fn warning(&self) -> Option<Warning> {
        let samples = self.misplaced;
        let noun = if samples == 1 { "sample" } else { "samples" };
        (samples > 0).then(|| Warning {
            file: format!("{samples} {noun}"),
            what:
                "sampled just before an exec of their process: the names may be those of the new program"
                    .to_owned(),
        })
    }
}

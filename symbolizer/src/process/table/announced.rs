//! Announced programs, and samples that were located by the wrong one.

use crate::warning::Warning;
use std::collections::HashMap;

/// The announced programs, and the count of samples that were located by the wrong one.
#[derive(Debug, Default)]
pub(crate) struct Hindsight {
    /// By pid: the time of the last exec that was announced and not applied yet.
    pub(super) announced: HashMap<u32, u64>,
    /// The number of samples that may have been located by the maps of another program.
    pub(super) misplaced: u64,
}

impl Hindsight {
    /// Whether `/proc` shows a later program of a pid than the present one.
    pub(crate) fn shows_another(&self, pid: u32) -> bool {
        self.announced.contains_key(&pid)
    }

    /// The warning about such samples.
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

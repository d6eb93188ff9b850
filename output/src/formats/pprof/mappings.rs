//! The order in which mappings are written.

use crate::model::profile::{FrameRef, MappingId, Profile};
use crate::model::subset::Subset;
use std::cmp::Reverse;

/// For each mapping, the number of samples with a frame in it.
#[derive(Debug)]
pub(super) struct Counts {
    /// The mapping of each location. Locations themselves are large, and every frame is looked up.
    of_location: Vec<Option<MappingId>>,
    counts: Vec<u64>,
    /// The last sample that was counted for a mapping.
    seen: Vec<usize>,
}

impl Counts {
    pub(super) fn new(profile: &Profile) -> Self {
        let of_location = profile.locations.iter().map(|location| location.mapping).collect();
        let mappings = profile.mappings.len();
        Self { of_location, counts: vec![0; mappings], seen: vec![usize::MAX; mappings] }
    }

    /// Counts the sample at index `at`.
    pub(super) fn add(&mut self, at: usize, frames: &[FrameRef], value: u64) {
        for frame in frames {
            let Some(mapping) = self.of_location[frame.location.0 as usize] else { continue };
            let mapping = mapping.0 as usize;
            if self.seen[mapping] != at {
                self.seen[mapping] = at;
                self.counts[mapping] = self.counts[mapping].saturating_add(value);
            }
        }
    }

    /// Begins again, in a time proportional to the size of the subset.
    pub(super) fn clear(&mut self, subset: &Subset<'_>) {
        for row in &subset.mappings.needed {
            self.counts[*row as usize] = 0;
            self.seen[*row as usize] = usize::MAX;
        }
    }

    /// The indices of mappings in the order in which they are written. Readers take the first one for the profiled program. It is `main` if
    /// there is one, else the file with most samples. Of files with equally many, a program comes before a library, since libc is in every
    /// stack of its program. The others keep their order.
    pub(super) fn order(&self, subset: &Subset<'_>, main: Option<&str>) -> Vec<usize> {
        let mut order: Vec<usize> =
            subset.mappings.needed.iter().map(|row| *row as usize).collect();
        let first = (0..order.len()).min_by_key(|&place| {
            let at = order[place];
            let file = subset.of.mappings[at].file.as_str();
            let library = file.ends_with(".so") || file.contains(".so.");
            (file.starts_with('['), main != Some(file), Reverse(self.counts[at]), library, at)
        });
        if let Some(first) = first {
            order[..=first].rotate_right(1);
        }
        order
    }
}

//! Finds build IDs that two different files have.

use elf::Image;
use std::collections::HashMap;

/// The most build IDs that are remembered.
const MOST: usize = 65_536;

/// The fingerprint of the first file with each build ID. A copy of a file does not count as another file.
#[derive(Debug, Default)]
pub(super) struct BuildIds(HashMap<Vec<u8>, u64>);

impl BuildIds {
    /// Whether another file was the first with this build ID. Otherwise remembers this one as the first, if there is room.
    pub(super) fn is_of_another(&mut self, id: &[u8], image: &Image<'_>) -> bool {
        let print = fingerprint(image);
        if let Some(first) = self.0.get(id) {
            return *first != print;
        }
        if self.0.len() < MOST {
            self.0.insert(id.to_vec(), print);
        }
        false
    }

    /// Begins a new cut. If there is no room left, all build IDs are forgotten.
    pub(super) fn begin_cut(&mut self) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
    }
}

/// A number made of a file's sections and some of its code. Two copies of a file share it; two different files hardly
/// ever do.
fn fingerprint(image: &Image<'_>) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for section in &image.sections {
        (&section.name, section.address, section.offset, section.size).hash(&mut hasher);
    }
    for section in image.sections.iter().filter(|section| section.is_code()) {
        image.part(section, 0, 4096).hash(&mut hasher);
    }
    hasher.finish()
}

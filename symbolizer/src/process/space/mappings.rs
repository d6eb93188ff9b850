//! The executable memory of one address space.

use crate::place::{FileId, Reason};

/// The content of an executable mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file.
    File(FileId),
    /// The vDSO.
    Vdso,
    /// Memory without a file: run-time code.
    Jit,
    /// Code without names, or code that could not be kept.
    Nameless(Reason),
}

/// An executable mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// First address.
    pub(crate) start: u64,
    /// End, exclusive.
    pub(crate) end: u64,
    /// The offset of `start` in the file or the vDSO, in bytes; 0 otherwise.
    pub(crate) offset: u64,
    /// Its content.
    pub(crate) content: Content,
}

impl Mapping {
    /// Whether every address that could be in both mappings is in the same place in both.
    fn agrees(&self, other: &Self) -> bool {
        let positioned = matches!(self.content, Content::File(_) | Content::Vdso);
        self.content == other.content
            && (!positioned
                || self.start.wrapping_sub(self.offset) == other.start.wrapping_sub(other.offset))
    }

    /// The part before `end`, if any.
    fn before(mut self, end: u64) -> Option<Self> {
        self.end = self.end.min(end);
        (self.start < self.end).then_some(self)
    }

    /// The part from `start` on, if any.
    fn from(mut self, start: u64) -> Option<Self> {
        if start > self.start {
            self.offset = self.offset.wrapping_add(start - self.start);
            self.start = start;
        }
        (self.start < self.end).then_some(self)
    }
}

/// The effect of an insertion on the places of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    Nothing,
    /// Addresses without a mapping got one.
    Added,
    /// Addresses lie elsewhere than before.
    Replaced,
    /// The mapping was not added: the list is full.
    Full,
}

/// The executable mappings of one address space. They are sorted and do not overlap. Mappings that touch and agree are
/// joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mappings {
    list: Vec<Mapping>,
}

impl Mappings {
    /// The most mappings that the kernel allows a process by default (`vm.max_map_count`).
    const MOST: usize = 65_536;

    /// The mapping that contains `address`.
    pub(crate) fn find(&self, address: u64) -> Option<&Mapping> {
        let at = self.list.partition_point(|mapping| mapping.end <= address);
        self.list.get(at).filter(|mapping| mapping.start <= address)
    }

    /// The effect of `insert`.
    pub(crate) fn effect(&self, new: &Mapping) -> Change {
        let (first, last) = self.overlapped(new);
        let overlapped = &self.list[first..last];
        if new.start >= new.end {
            Change::Nothing
        } else if overlapped.iter().any(|old| !old.agrees(new)) {
            Change::Replaced
        } else if matches!(overlapped, [old] if old.start <= new.start && old.end >= new.end) {
            Change::Nothing
        } else if self.is_full() {
            Change::Full
        } else {
            Change::Added
        }
    }

    /// Adds a mapping. Mappings that it overlaps end there.
    pub(crate) fn insert(&mut self, mut new: Mapping) -> Change {
        let change = self.effect(&new);
        if matches!(change, Change::Nothing | Change::Full) {
            return change;
        }
        let (mut first, mut last) = self.overlapped(&new);
        // Neighbours that touch are joined if they agree.
        if first > 0 && self.list[first - 1].end == new.start {
            first -= 1;
        }
        if self.list.get(last).is_some_and(|next| next.start == new.end) {
            last += 1;
        }
        let mut before = None;
        let mut behind = None;
        for old in &self.list[first..last] {
            if old.agrees(&new) {
                if old.start < new.start {
                    (new.start, new.offset) = (old.start, old.offset);
                }
                new.end = new.end.max(old.end);
            } else {
                before = before.or(old.before(new.start));
                behind = old.from(new.end).or(behind);
            }
        }
        let pieces = [before, Some(new), behind].into_iter().flatten();
        self.list.splice(first..last, pieces);
        change
    }

    /// All mappings, by address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.list.iter()
    }

    /// The number of mappings.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is no room for one more.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= Self::MOST
    }

    /// The range of indexes of the mappings that share an address with `new`.
    fn overlapped(&self, new: &Mapping) -> (usize, usize) {
        let first = self.list.partition_point(|old| old.end <= new.start);
        let last = self.list.partition_point(|old| old.start < new.end);
        (first, last.max(first))
    }
}

impl FromIterator<Mapping> for Mappings {
    fn from_iter<I: IntoIterator<Item = Mapping>>(iter: I) -> Self {
        let mut mappings = Self::default();
        for mapping in iter {
            mappings.insert(mapping);
        }
        mappings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(start: u64, end: u64, offset: u64, id: u32) -> Mapping {
        Mapping { start, end, offset, content: Content::File(FileId(id)) }
    }

    fn jit(start: u64, end: u64) -> Mapping {
        Mapping { start, end, offset: 0, content: Content::Jit }
    }

    #[test]
    fn finds_by_address_and_ends_are_exclusive() {
        let mappings: Mappings =
            [file(0x3000, 0x4000, 0, 1), file(0x1000, 0x2000, 0, 0)].into_iter().collect();
        assert_eq!(mappings.find(0x0fff), None);
        assert_eq!(mappings.find(0x1000), Some(&file(0x1000, 0x2000, 0, 0)));
        assert_eq!(mappings.find(0x1fff), Some(&file(0x1000, 0x2000, 0, 0)));
        assert_eq!(mappings.find(0x2000), None);
        assert_eq!(mappings.find(0x3abc), Some(&file(0x3000, 0x4000, 0, 1)));
        assert_eq!(mappings.find(u64::MAX), None);
    }

    #[test]
    fn a_new_mapping_ends_what_it_overlaps() {
        let mut mappings: Mappings = [file(0x1000, 0x5000, 0x100, 0)].into_iter().collect();
        assert_eq!(mappings.insert(jit(0x2000, 0x3000)), Change::Replaced);
        let all: Vec<_> = mappings.iter().copied().collect();
        assert_eq!(
            all,
            [file(0x1000, 0x2000, 0x100, 0), jit(0x2000, 0x3000), file(0x3000, 0x5000, 0x2100, 0)]
        );
        assert_eq!(mappings.insert(file(0x0, 0x9000, 0, 7)), Change::Replaced);
        assert_eq!(mappings.iter().copied().collect::<Vec<_>>(), [file(0x0, 0x9000, 0, 7)]);
    }

    #[test]
    fn what_changes_no_place_is_nothing() {
        let mut mappings: Mappings = [file(0x1000, 0x5000, 0x100, 0)].into_iter().collect();
        assert_eq!(mappings.insert(file(0x2000, 0x3000, 0x1100, 0)), Change::Nothing);
        assert_eq!(mappings.insert(file(0x2000, 0x3000, 0x1200, 0)), Change::Replaced);
        assert_eq!(mappings.insert(file(0x2000, 0x2000, 0, 9)), Change::Nothing);
    }

    #[test]
    fn joins_what_touches_and_agrees() {
        let mut mappings = Mappings::default();
        for page in 0..1000 {
            assert_eq!(mappings.insert(jit(page * 0x1000, (page + 1) * 0x1000)), Change::Added);
        }
        assert_eq!(mappings.insert(file(0x1000_0000, 0x1000_1000, 0, 0)), Change::Added);
        assert_eq!(mappings.insert(file(0x1000_1000, 0x1000_2000, 0x1000, 0)), Change::Added);
        assert_eq!(mappings.insert(file(0x1000_2000, 0x1000_3000, 0x1000, 0)), Change::Added);
        assert_eq!(mappings.len(), 3);
    }

    /// Compares with a model: a plain array of pages.
    #[test]
    fn agrees_with_a_page_array() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut next = |below: u64| random.u64(..below);
        let mut mappings = Mappings::default();
        let mut pages = [None; 64];
        for _ in 0..5000 {
            let start = next(60);
            let end = (start + 1 + next(8)).min(64);
            let id = next(4) as u32;
            let offset = next(3) * 0x1000;
            mappings.insert(file(start << 12, end << 12, offset, id));
            for page in start..end {
                pages[page as usize] = Some((id, offset + ((page - start) << 12)));
            }
            for (page, expected) in pages.iter().enumerate() {
                let address = ((page as u64) << 12) + 5;
                let found = mappings.find(address).map(|mapping| {
                    let Content::File(FileId(id)) = mapping.content else {
                        panic!("only files here")
                    };
                    (id, mapping.offset + (address - mapping.start) - 5)
                });
                assert_eq!(found, *expected);
            }
        }
    }
}

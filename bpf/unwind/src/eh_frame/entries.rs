//! The entries of a section.

use super::section::FrameKind;

/// An entry of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A common entry, to which function entries refer.
    Common,
    /// A function's: its offset in the section.
    Function(usize),
    /// Four bytes of nothing.
    Zero,
    /// Its length reaches beyond the section.
    CutOff,
}

/// The entries of a section. Each is found by the length of the one before, so that a malformed entry does not spoil the next.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
    kind: FrameKind,
    at: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn new(bytes: &'a [u8], kind: FrameKind) -> Self {
        Self { bytes, kind, at: 0 }
    }

    /// The entry at the current place and where the next one begins.
    fn entry(&self) -> Option<(Entry, usize)> {
        let short = u64::from(u32::from_le_bytes(self.array(self.at)?));
        let (length, wide, begin) = match short {
            0xffff_ffff => (u64::from_le_bytes(self.array(self.at + 4)?), true, self.at + 12),
            _ => (short, false, self.at + 4),
        };
        if length == 0 {
            return Some((Entry::Zero, begin));
        }
        let next = usize::try_from(length).ok().and_then(|length| begin.checked_add(length));
        let Some(next) = next.filter(|&next| next <= self.bytes.len()) else {
            return Some((Entry::CutOff, self.bytes.len()));
        };
        let common = match (self.kind, wide) {
            (FrameKind::Eh, _) => self.array(begin)? == [0; 4],
            (FrameKind::Debug, false) => self.array(begin)? == [0xff; 4],
            (FrameKind::Debug, true) => self.array(begin)? == [0xff; 8],
        };
        Some((if common { Entry::Common } else { Entry::Function(self.at) }, next))
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let (entry, next) = self.entry()?;
        self.at = next;
        Some(entry)
    }
}

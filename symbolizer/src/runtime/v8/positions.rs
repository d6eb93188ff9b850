//! Tables of positions: from an offset in code to a place in the source. The numbers are differences, seven bits a byte.

/// The offset from which the first entry counts: that of a function's entry.
const ENTRY: i64 = -1;

/// An entry: the source position from an offset in the code on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The offset in the code; -1 at the entry of a function.
    pub(super) offset: i64,
    /// The place in the source.
    pub(super) source: Source,
}

/// A place in the source, in V8's own form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source(pub(super) i64);

impl Source {
    /// The index of the character. `None`: there is none, or it is in a file outside of V8.
    pub(super) fn character(self) -> Option<u32> {
        let next = (self.0 >> 1 & 0x3fff_ffff) as u32;
        if self.0 & 1 == 1 { None } else { next.checked_sub(1) }
    }

    /// The index of the inlined function. `None`: the outermost function.
    pub(super) fn inlined(self) -> Option<u64> {
        ((self.0 >> 31 & 0xffff) as u64).checked_sub(1)
    }
}

/// The entries of a table.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    bytes: std::slice::Iter<'a, u8>,
    /// The low bits of an offset that are no offset.
    shift: u32,
    last: Entry,
}

impl<'a> Entries<'a> {
    /// The entries of a table in its bytes.
    pub(super) fn of(bytes: &'a [u8], shift: u32) -> Self {
        Self { bytes: bytes.iter(), shift, last: Entry { offset: ENTRY, source: Source(0) } }
    }

    /// The last entry at or before an offset.
    pub(super) fn at(self, offset: u64) -> Option<Entry> {
        let offset = i64::try_from(offset).ok()?;
        self.take_while(|entry| entry.offset <= offset).last()
    }

    fn signed(&mut self) -> Option<i64> {
        let value = unsigned(&mut self.bytes)?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let step = self.signed()?;
        // An expression's step is negative, so that it differs from that of a statement.
        let step = if step < 0 { -(step + 1) } else { step } >> self.shift;
        let source = self.signed()?;
        self.last.offset = self.last.offset.checked_add(step)?;
        self.last.source = Source(self.last.source.0.checked_add(source)?);
        Some(self.last)
    }
}

/// A number of seven bits a byte, the lowest first.
pub(super) fn unsigned(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mut value: u64, bytes: &mut Vec<u8>) {
        while value > 0x7f {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }

    /// A table of offsets and raw source positions, all expressions.
    fn table(entries: &[(i64, i64)]) -> Vec<u8> {
        let signed = |value: i64| (value << 1 ^ value >> 63) as u64;
        let (mut bytes, mut last) = (Vec::new(), (ENTRY, 0));
        for &(offset, source) in entries {
            number(signed(-(offset - last.0) - 1), &mut bytes);
            number(signed(source - last.1), &mut bytes);
            last = (offset, source);
        }
        bytes
    }

    #[test]
    fn the_entry_at_or_before_an_offset_counts() {
        let inlined = (10 << 31) + (105 << 1);
        let bytes =
            table(&[(-1, 1 << 1), (1, 524 << 1), (129, 575 << 1), (836, inlined), (848, 40 << 1)]);
        let entries = Entries::of(&bytes, 0);
        assert_eq!(entries.clone().count(), 5);
        assert_eq!(entries.clone().at(0).unwrap().source.character(), Some(0));
        assert_eq!(entries.clone().at(128).unwrap().source.character(), Some(523));
        let entry = entries.clone().at(840).unwrap();
        assert_eq!((entry.source.character(), entry.source.inlined()), (Some(104), Some(9)));
        assert_eq!(entries.at(900).unwrap().source, Source(80));
    }

    #[test]
    fn a_broken_table_ends() {
        assert_eq!(Entries::of(&[0xff; 40], 0).count(), 0);
        assert_eq!(Entries::of(&[2], 0).count(), 0);
        assert_eq!(Source(0).character(), None);
        assert_eq!(Source(0).inlined(), None);
    }
}

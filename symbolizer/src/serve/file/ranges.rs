//! The ranges of functions from `.eh_frame`: code without a symbol is still one frame.
//!
//! The binary search table of `.eh_frame_hdr` is used if it has the form that every linker writes, and agrees with the entry to which
//! it points. Otherwise all of `.eh_frame` is read once.

use elf::word::u32_at;
use gimli::{BaseAddresses, CieOrFde, EhFrame, EhFrameOffset, LittleEndian, UnwindSection};

/// The most entries that are read.
const MAX_ENTRIES: usize = 4 << 20;

/// A range of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// End, exclusive.
    pub end: u64,
    /// Whether an entry of `.eh_frame` describes it. Otherwise it is between entries.
    pub described: bool,
}

/// The bytes of a section, and its virtual address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loaded<'a> {
    /// Virtual address.
    pub address: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// The function ranges of a file.
#[derive(Debug)]
pub struct Ranges<'a> {
    frame: EhFrame<gimli::EndianSlice<'a, LittleEndian>>,
    address: u64,
    bases: BaseAddresses,
    table: Option<Table<'a>>,
    /// All ranges, sorted; filled if there is no usable table.
    all: Option<Vec<(u64, u64)>>,
}

/// The search table: pairs of 32-bit offsets from the section's address.
#[derive(Clone, Copy, Debug)]
struct Table<'a> {
    base: u64,
    pairs: &'a [u8],
}

impl<'a> Table<'a> {
    fn parse(header: Loaded<'a>) -> Option<Self> {
        // Version 1; the frame's address relative to this place, a 32-bit count, a table relative to the section.
        if header.bytes.get(..4)? != [1, 0x1b, 0x03, 0x3b] {
            return None;
        }
        let count = usize::try_from(u32_at(header.bytes, 8)?).ok()?;
        let pairs = header.bytes.get(12..12 + count.checked_mul(8)?)?;
        (count > 0).then_some(Self { base: header.address, pairs })
    }

    fn len(&self) -> usize {
        self.pairs.len() / 8
    }

    fn pair(&self, index: usize) -> Option<(u64, u64)> {
        let at =
            |at| Some(self.base.wrapping_add_signed(i64::from(u32_at(self.pairs, at)? as i32)));
        Some((at(index * 8)?, at(index * 8 + 4)?))
    }

    /// The number of entries that start at or below an address.
    fn below(&self, address: u64) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.pair(middle)?.0 <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low)
    }
}

impl<'a> Ranges<'a> {
    /// The ranges in the bytes of `.eh_frame`, with `.eh_frame_hdr` if there is one.
    pub fn new(frame: Loaded<'a>, header: Option<Loaded<'a>>, text: u64, wide: bool) -> Self {
        let mut section = EhFrame::new(frame.bytes, LittleEndian);
        section.set_address_size(if wide { 8 } else { 4 });
        let bases = BaseAddresses::default().set_eh_frame(frame.address).set_text(text);
        Self {
            frame: section,
            address: frame.address,
            bases,
            table: header.and_then(Table::parse),
            all: None,
        }
    }

    /// The range of code that contains an address. Between two entries, it reaches from one to the next; 0 and
    /// `u64::MAX` stand in for a missing entry.
    pub fn find(&mut self, address: u64) -> Range {
        if self.all.is_none()
            && let Some(range) = self.table.and_then(|table| self.by_table(table, address))
        {
            return range;
        }
        if self.all.is_none() {
            self.all = Some(self.read_all());
        }
        let all = self.all.as_deref().unwrap_or_default();
        let next = all.partition_point(|&(start, _)| start <= address);
        let end = all.get(next).map_or(u64::MAX, |&(start, _)| start);
        match next.checked_sub(1).map(|index| all[index]) {
            Some((start, end)) if address < end => Range { start, end, described: true },
            Some((_, start)) => Range { start, end, described: false },
            None => Range { start: 0, end, described: false },
        }
    }

    /// The range from the search table; `None` if the table does not agree with the entries.
    fn by_table(&self, table: Table<'_>, address: u64) -> Option<Range> {
        let next = table.below(address)?;
        let end = if next < table.len() { table.pair(next)?.0 } else { u64::MAX };
        let Some(index) = next.checked_sub(1) else {
            return Some(Range { start: 0, end, described: false });
        };
        let (start, entry) = table.pair(index)?;
        let offset = usize::try_from(entry.checked_sub(self.address)?).ok()?;
        let entry = self
            .frame
            .fde_from_offset(&self.bases, EhFrameOffset(offset), EhFrame::cie_from_offset)
            .ok()?;
        if entry.initial_address() != start {
            return None;
        }
        let last = start.checked_add(entry.len())?;
        Some(if address < last {
            Range { start, end: last, described: true }
        } else {
            Range { start: last, end, described: false }
        })
    }

    fn read_all(&self) -> Vec<(u64, u64)> {
        let mut ranges = Vec::new();
        let mut entries = self.frame.entries(&self.bases);
        // A malformed entry ends the reading. The entries before it are used.
        while let Ok(Some(entry)) = entries.next() {
            if let CieOrFde::Fde(partial) = entry
                && let Ok(entry) = partial.parse(EhFrame::cie_from_offset)
                && let Some(end) = entry.initial_address().checked_add(entry.len())
            {
                ranges.push((entry.initial_address(), end));
            }
            if ranges.len() >= MAX_ENTRIES {
                break;
            }
        }
        ranges.sort_unstable();
        ranges
    }
}

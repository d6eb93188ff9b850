//! Which code is covered, and the bytes at an address.

use super::{Input, Segment};
use std::ops::Range;

/// Gaps shorter than this are padding between functions.
const SMALLEST_GAP: u64 = 16;
/// Addresses that instructions compute, at most.
const MOST_MENTIONED: usize = 1 << 20;
/// Addresses are kept as 32-bit offsets from the lowest one.
const LARGEST_SPAN: u64 = u32::MAX as u64;
/// Files that can be loaded anywhere begin below.
const LOWEST_FIXED: u64 = 0x1_0000;

/// The code of a file, sorted: what is executable, and the gaps between what unwind entries cover.
pub(super) struct Image<'a> {
    /// Executable segments, sorted, without overlap.
    code: Vec<Segment<'a>>,
    /// The other segments, likewise.
    data: Vec<Segment<'a>>,
    plt: Vec<Range<u64>>,
    covered: Vec<Range<u64>>,
    gaps: Vec<Range<u64>>,
    /// What `lea` in uncovered code computes, by its bytes alone; sorted.
    mentioned: Vec<u64>,
    lowest: u64,
}

impl<'a> Image<'a> {
    pub(super) fn new(input: &Input<'a>) -> Self {
        let code = apart(input.code);
        let lowest = code.first().map_or(0, |segment| segment.address);
        let covered = without_overlap(input.covered);
        let mut image = Self {
            code,
            data: apart(input.data),
            plt: sorted(input.plt),
            covered,
            gaps: Vec::new(),
            mentioned: Vec::new(),
            lowest,
        };
        let end = image.code.last().map_or(0, end_of);
        if end - lowest < LARGEST_SPAN {
            image.gaps = image.find_gaps();
            image.mentioned = image.find_mentioned();
        }
        image
    }

    /// Executable segments, sorted.
    pub(super) fn code(&self) -> &[Segment<'a>] {
        &self.code
    }

    /// Executable ranges that nothing covers, sorted; each lies in one segment.
    pub(super) fn gaps(&self) -> &[Range<u64>] {
        &self.gaps
    }

    /// The gap that holds an address.
    pub(super) fn gap(&self, address: u64) -> Option<Range<u64>> {
        holding(&self.gaps, address)
    }

    /// The covered range that holds an address.
    pub(super) fn covered_at(&self, address: u64) -> Option<Range<u64>> {
        holding(&self.covered, address)
    }

    /// The linkage table that holds an address.
    pub(super) fn plt_at(&self, address: u64) -> Option<Range<u64>> {
        holding(&self.plt, address)
    }

    /// The code from an address to the end of its segment.
    pub(super) fn code_from(&self, address: u64) -> &'a [u8] {
        from(&self.code, address).unwrap_or(&[])
    }

    /// So many loaded bytes at an address.
    pub(super) fn bytes(&self, address: u64, len: usize) -> Option<&'a [u8]> {
        [&self.code, &self.data]
            .into_iter()
            .find_map(|segments| from(segments, address)?.get(..len))
    }

    /// An address as an offset; `None` outside of the 4 GiB behind the first code.
    pub(super) fn offset(&self, address: u64) -> Option<u32> {
        address.checked_sub(self.lowest).and_then(|offset| u32::try_from(offset).ok())
    }

    /// The address of an offset.
    pub(super) fn address(&self, offset: u32) -> u64 {
        self.lowest.wrapping_add(u64::from(offset))
    }

    /// Bytes that nothing covers.
    pub(super) fn uncovered(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.end - gap.start).sum()
    }

    /// Whether instructions may hold addresses as numbers: the file is linked for fixed addresses.
    pub(super) fn is_fixed(&self) -> bool {
        let first = self.code.first().into_iter().chain(self.data.first());
        first.map(|segment| segment.address).min().is_some_and(|lowest| lowest >= LOWEST_FIXED)
    }

    /// Whether an instruction in uncovered code computes this address.
    pub(super) fn is_mentioned(&self, address: u64) -> bool {
        self.mentioned.binary_search(&address).is_ok()
    }

    fn find_gaps(&self) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut covered = self.covered.iter().peekable();
        for segment in &self.code {
            let (mut at, end) = (segment.address, end_of(segment));
            while let Some(next) = covered.peek().filter(|next| next.start < end) {
                if next.start > at {
                    gaps.push(at..next.start);
                }
                at = at.max(next.end);
                if next.end > end {
                    break;
                }
                covered.next();
            }
            if at < end {
                gaps.push(at..end);
            }
        }
        gaps.retain(|gap| gap.end - gap.start >= SMALLEST_GAP);
        gaps
    }

    fn find_mentioned(&self) -> Vec<u64> {
        let mut mentioned = Vec::new();
        for gap in &self.gaps {
            let code = self.code_from(gap.start);
            let len = usize::try_from(gap.end - gap.start).unwrap_or(usize::MAX).min(code.len());
            let windows = code[..len].windows(6).zip(gap.start..);
            let room = MOST_MENTIONED.saturating_sub(mentioned.len());
            mentioned.extend(windows.filter_map(|(bytes, at)| computed(bytes, at)).take(room));
        }
        mentioned.sort_unstable();
        mentioned.dedup();
        mentioned
    }
}

/// What `lea register, [rip + offset]` at an address computes; `None` if the bytes, without prefixes, are none.
pub(super) fn computed(bytes: &[u8], at: u64) -> Option<u64> {
    let [0x8d, form, offset @ ..] = bytes else { return None };
    let offset = i32::from_le_bytes(offset.get(..4)?.try_into().ok()?);
    (form & 0xc7 == 0x05).then(|| at.wrapping_add(6).wrapping_add_signed(i64::from(offset)))
}

fn end_of(segment: &Segment<'_>) -> u64 {
    segment.address.saturating_add(segment.bytes.len() as u64)
}

/// The bytes from an address to the end of its segment.
fn from<'a>(segments: &[Segment<'a>], address: u64) -> Option<&'a [u8]> {
    let after = segments.partition_point(|segment| segment.address <= address);
    let segment = &segments[after.checked_sub(1)?];
    let start = usize::try_from(address.checked_sub(segment.address)?).ok()?;
    segment.bytes.get(start..).filter(|bytes| !bytes.is_empty())
}

/// Sorted; what overlaps an earlier one, or the end of the address space, is left out.
fn apart<'a>(segments: &[Segment<'a>]) -> Vec<Segment<'a>> {
    let mut sorted = segments.to_vec();
    sorted.sort_by_key(|segment| segment.address);
    let mut end = 0;
    sorted.retain(|segment| {
        let fits = segment.address >= end
            && segment.address.checked_add(segment.bytes.len() as u64).is_some();
        if fits {
            end = end_of(segment);
        }
        fits
    });
    sorted
}

fn sorted(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> =
        ranges.iter().filter(|range| range.start < range.end).cloned().collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    sorted
}

/// Sorted; a range that begins in an earlier one begins behind it instead.
fn without_overlap(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut end = 0;
    let mut kept = sorted(ranges);
    kept.retain_mut(|range| {
        range.start = range.start.max(end);
        end = end.max(range.end);
        range.start < range.end
    });
    kept
}

fn holding(ranges: &[Range<u64>], address: u64) -> Option<Range<u64>> {
    let after = ranges.partition_point(|range| range.start <= address);
    ranges.get(after.checked_sub(1)?).filter(|range| address < range.end).cloned()
}

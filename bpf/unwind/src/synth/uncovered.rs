//! The covered code, and the bytes of the code that is not covered.

use super::padding::is_padding;
use super::ranges::{holding, len, without_overlap};
use super::{Memory, Segment};
use crate::table::Code;
use std::ops::Range;

/// Shorter gaps cannot contain a function.
const SMALLEST_GAP: u64 = 16;
/// The most bytes of uncovered code that are examined; the hand-written assembly of a file is at most a tenth of this.
const MOST: u64 = 16 << 20;
/// Beyond [`MOST`], only gaps of at least this length are kept, and at most [`MOST_LONG`] of them.
const LONG: u64 = 4 << 10;
const MOST_LONG: usize = 1 << 16;
/// The bytes of one read: gaps are often close to each other.
const WINDOW: usize = 1 << 16;

/// Executable code that nothing covers.
#[derive(Debug)]
struct Gap {
    range: Range<u64>,
    /// The offset of its bytes among those of all gaps.
    begin: usize,
}

/// The code that a file's own tables do not cover, padding between functions apart.
#[derive(Debug)]
pub struct Uncovered {
    covered: Vec<Range<u64>>,
    /// Sorted; each lies in one executable range.
    gaps: Vec<Gap>,
    /// Their bytes, one after another.
    bytes: Vec<u8>,
    /// Long gaps that are too much to be looked at, and the bytes of all of these.
    beyond: Vec<Range<u64>>,
    beyond_len: u64,
}

impl Uncovered {
    /// Reads the code between the covered ranges, in any order: one for each unwind entry, an instruction begins where it does.
    pub fn read(code: &Code, memory: &dyn Memory, covered: &[Range<u64>]) -> Self {
        let covered = without_overlap(covered);
        let ranges = gaps(code, &covered);
        let mut uncovered = Self {
            covered,
            gaps: Vec::new(),
            bytes: Vec::new(),
            beyond: Vec::new(),
            beyond_len: 0,
        };
        let mut window = (0, Vec::new());
        for range in ranges {
            let begin = uncovered.bytes.len();
            if begin as u64 + len(&range) > MOST {
                uncovered.beyond_len += len(&range);
                if len(&range) >= LONG && uncovered.beyond.len() < MOST_LONG {
                    uncovered.beyond.push(range);
                }
                continue;
            }
            let bytes = within(&mut window, &range, memory);
            if bytes.len() as u64 == len(&range) && !is_padding(bytes) {
                uncovered.bytes.extend(bytes);
                uncovered.gaps.push(Gap { range, begin });
            }
        }
        uncovered
    }

    /// The gaps, sorted.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let segment =
            |gap: &Gap| Segment { address: gap.range.start, bytes: self.from(gap.range.start) };
        self.gaps.iter().map(segment)
    }

    /// Bytes of the gaps.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether all code is covered.
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    /// Long stretches of code that nothing covers either, and that is too much to be looked at: no assembly, sorted.
    pub fn beyond(&self) -> &[Range<u64>] {
        &self.beyond
    }

    /// Bytes of that.
    pub(super) fn beyond_len(&self) -> u64 {
        self.beyond_len
    }

    /// The gap that holds an address.
    pub(super) fn gap(&self, address: u64) -> Option<Range<u64>> {
        self.gap_at(address).map(|gap| gap.range.clone())
    }

    /// The covered range that holds an address.
    pub(super) fn covered_at(&self, address: u64) -> Option<Range<u64>> {
        holding(&self.covered, address)
    }

    /// The bytes from an address to the end of its gap.
    pub(super) fn from(&self, address: u64) -> &[u8] {
        let from = |gap: &Gap| {
            let start = gap.begin + (address - gap.range.start) as usize;
            self.bytes.get(start..gap.begin + len(&gap.range) as usize)
        };
        self.gap_at(address).and_then(from).unwrap_or(&[])
    }

    fn gap_at(&self, address: u64) -> Option<&Gap> {
        let after = self.gaps.partition_point(|gap| gap.range.start <= address);
        self.gaps.get(after.checked_sub(1)?).filter(|gap| address < gap.range.end)
    }
}

/// Executable ranges that nothing covers, sorted; each lies in one range of the code.
fn gaps(code: &Code, covered: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut gaps = Vec::new();
    let mut covered = covered.iter().peekable();
    for range in code.ranges() {
        let mut at = range.start;
        while let Some(next) = covered.peek().filter(|next| next.start < range.end) {
            if next.start > at {
                gaps.push(at..next.start);
            }
            at = at.max(next.end);
            if next.end > range.end {
                break;
            }
            covered.next();
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
    }
    gaps.retain(|gap| len(gap) >= SMALLEST_GAP);
    gaps
}

/// The bytes of a range, out of a window of bytes that is moved when it does not hold them.
fn within<'w>(window: &'w mut (u64, Vec<u8>), range: &Range<u64>, memory: &dyn Memory) -> &'w [u8] {
    let bytes = len(range) as usize;
    let holds =
        window.0 <= range.start && range.end <= window.0.saturating_add(window.1.len() as u64);
    if !holds {
        *window = (range.start, memory.read(range.start, bytes.max(WINDOW)));
    }
    let start = (range.start - window.0) as usize;
    &window.1[start..window.1.len().min(start + bytes)]
}

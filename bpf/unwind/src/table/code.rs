//! The ranges of a file's code.

use std::ops::Range;

use super::PAGE_BITS;

/// The executable ranges of a file, sorted and apart, in a span below 4 GiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    base: u64,
    ranges: Vec<Range<u64>>,
}

/// The reason why a table cannot cover the ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotCode {
    /// There are none.
    Empty,
    /// They span 4 GiB or more.
    TooWide,
}

impl Code {
    /// From the virtual addresses of the executable segments, in any order.
    pub fn new(segments: impl IntoIterator<Item = Range<u64>>) -> Result<Self, NotCode> {
        let mut sorted: Vec<_> =
            segments.into_iter().filter(|range| range.start < range.end).collect();
        sorted.sort_unstable_by_key(|range| (range.start, range.end));
        let mut ranges: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match ranges.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else {
            return Err(NotCode::Empty);
        };
        let base = first.start >> PAGE_BITS << PAGE_BITS;
        match u32::try_from(last.end - base) {
            Ok(_) => Ok(Self { base, ranges }),
            Err(_) => Err(NotCode::TooWide),
        }
    }

    /// The first address, rounded down to a page.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// One past the last address.
    pub fn end(&self) -> u64 {
        self.ranges.last().map_or(self.base, |range| range.end)
    }

    /// The executable ranges, sorted and apart.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// The parts of a range that are executable, in order.
    pub fn within(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let first = self.ranges.partition_point(|code| code.end <= range.start);
        let ranges = self.ranges[first..].iter().take_while({
            let end = range.end;
            move |code| code.start < end
        });
        let parts = ranges.map(move |code| code.start.max(range.start)..code.end.min(range.end));
        parts.filter(|part| part.start < part.end)
    }

    /// An address of the span as an offset from its base; addresses beyond it are its end.
    pub(super) fn offset(&self, address: u64) -> u32 {
        let address = address.clamp(self.base, self.end());
        u32::try_from(address - self.base).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_joined_and_bounded() {
        let code = Code::new([0x5000..0x6000, 0x1234..0x2000, 0x2000..0x3000, 9..9]).unwrap();
        assert_eq!(code.base(), 0);
        assert_eq!(code.ranges(), [0x1234..0x3000, 0x5000..0x6000]);
        let within = |range| code.within(range).collect::<Vec<_>>();
        assert_eq!(within(0..0x5001), [0x1234..0x3000, 0x5000..0x5001]);
        assert_eq!(within(0x3000..0x5000), []);
        assert_eq!(within(0x2000..0x2000), []);
        assert_eq!(within(0x1500..0x1600), vec![0x1500..0x1600]);
        assert_eq!(Code::new([]), Err(NotCode::Empty));
        assert_eq!(Code::new([0..1, 1 << 32..(1 << 32) + 1]), Err(NotCode::TooWide));
        assert_eq!(Code::new(Some(0..u64::MAX)), Err(NotCode::TooWide));
        let high = Code::new(Some(u64::MAX - 0x1000..u64::MAX)).unwrap();
        assert_eq!(within(u64::MAX - 1..u64::MAX), []);
        assert_eq!(high.within(0..u64::MAX).count(), 1);
    }
}

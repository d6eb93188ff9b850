//! Address ranges.

use std::ops::Range;

pub(super) fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}

/// Sorted, those without an address left out.
pub(super) fn sorted(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> =
        ranges.iter().filter(|range| range.start < range.end).cloned().collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    sorted
}

/// Sorted; a range that begins in an earlier one begins behind it instead.
pub(super) fn without_overlap(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut end = 0;
    let mut kept = sorted(ranges);
    kept.retain_mut(|range| {
        range.start = range.start.max(end);
        end = end.max(range.end);
        range.start < range.end
    });
    kept
}

/// The one of sorted ranges without overlap that holds an address.
pub(super) fn holding(ranges: &[Range<u64>], address: u64) -> Option<Range<u64>> {
    let after = ranges.partition_point(|range| range.start <= address);
    ranges.get(after.checked_sub(1)?).filter(|range| address < range.end).cloned()
}

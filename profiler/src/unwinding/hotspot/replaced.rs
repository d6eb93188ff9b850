//! Code that was replaced before the tables knew it.

use std::ops::Range;

/// Code that replaced other code, and the time at which the tables knew of it.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// Sorted ranges that do not touch.
    ranges: Vec<Range<u64>>,
    until: Option<u64>,
}

impl Replaced {
    /// Adds replaced code that the tables do not know yet.
    pub(super) fn add(&mut self, more: Vec<Range<u64>>) {
        self.ranges.extend(more);
        self.ranges.sort_unstable_by_key(|range| range.start);
        self.ranges.dedup_by(|next, range| {
            let touches = next.start <= range.end;
            if touches {
                range.end = range.end.max(next.end);
            }
            touches
        });
    }

    /// Notes that from now on the tables are as they were read.
    pub(super) fn settle(&mut self, now: u64) {
        if !self.ranges.is_empty() {
            self.until.get_or_insert(now);
        }
    }

    /// Notes that a window has passed. If the tables know the replaced code, all samples from before have been seen,
    /// and it is forgotten. Returns whether it is.
    pub(super) fn pass(&mut self) -> bool {
        let known = self.until.take().is_some();
        if known {
            self.ranges.clear();
        }
        known
    }

    pub(super) fn holds(&self, address: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= address);
        after.checked_sub(1).is_some_and(|at| self.ranges[at].contains(&address))
    }

    /// Whether code was replaced that the tables did not know at this time.
    pub(super) fn at(&self, time: u64) -> bool {
        !self.ranges.is_empty() && self.until.is_none_or(|until| time < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_code_is_found_in_ranges_that_touch() {
        let mut replaced = Replaced::default();
        replaced.add(vec![50..60, 10..20]);
        replaced.add(vec![12..14, 20..30]);
        let held: Vec<u64> = (0..70).filter(|at| replaced.holds(*at)).collect();
        assert_eq!(held, (10..30).chain(50..60).collect::<Vec<u64>>());
        assert_eq!(replaced.ranges.len(), 2);
    }
}

//! The comparison of the code that was read with the code that is there now.

use super::look::Now;
use super::reading::{Entry, Index};
use super::replaced::Replaced;
use super::stacks;
use crate::record::run_time_code::StackCode;
use std::rc::Rc;
use symbolizer::{Check, Reason};

/// The code that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) index: &'a Index,
    /// The code as it was before the tables knew what replaced it.
    pub(super) before: Option<&'a Index>,
    pub(super) replaced: &'a Replaced,
    /// Whether code may have come and gone between two readings.
    pub(super) hasty: bool,
}

/// The judgement of a stack.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judgement {
    /// The stack goes through code that was not read yet.
    pub(super) unknown: bool,
    /// The stack goes through code that differs from what was read.
    pub(super) changed: bool,
    /// The stack goes through code that differs from what was read before the last reading.
    pub(super) before: bool,
    /// The stack goes through code that was not looked at.
    pub(super) unseen: bool,
}

/// The comparison of the code that was read with the code that is there now.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub(super) known: Known<'a>,
    pub(super) now: Now,
}

impl Comparison<'_> {
    /// The judgement of a stack. Frames of methods with a number were not found by a rule.
    pub(super) fn judge(&self, kept: &stacks::Known) -> Judgement {
        let mut judgement = Judgement::default();
        for address in kept.addresses.iter().filter(|address| self.known.index.holds(**address)) {
            if let Some(number) = kept.check(*address) {
                judgement.unknown |=
                    self.known.index.at(*address).is_none_or(|is| is.number != number);
                continue;
            }
            let entry = self.known.index.at(*address);
            match entry.map(|entry| self.now.same.get(&entry.block)) {
                Some(Some(same)) => judgement.changed |= !same,
                Some(None) => judgement.unseen = true,
                None => judgement.unknown = true,
            }
            judgement.before |= self.known.replaced.holds(*address);
        }
        judgement
    }

    /// The code of a stack at this time.
    pub(super) fn stack(&self, kept: &stacks::Known, time: u64) -> Rc<StackCode> {
        let held = kept.addresses.iter().filter(|address| self.known.index.holds(**address));
        let code = |at: u64| match kept.check(at) {
            Some(number) => self.numbered(at, number),
            None => self.code(at, time),
        };
        Rc::new(StackCode::of(held.map(|address| (*address, code(*address)))))
    }

    /// The time from which on all code at these addresses was there; `None`: some was not read yet.
    pub(super) fn since(&self, addresses: &[u64]) -> Option<u64> {
        let held = addresses.iter().filter(|address| self.known.index.holds(**address));
        held.map(|at| Some(self.known.index.at(*at)?.since))
            .try_fold(0, |all, one| Some(one?.max(all)))
    }

    /// The code at an address, if the method with this number was there. What is there now, or was read last, may be another one.
    fn numbered(&self, address: u64, number: u32) -> Check {
        let Known { index, before, .. } = self.known;
        let was = before.and_then(|before| before.at(address));
        let same = |entry: &&Entry| entry.number == number;
        let read = index.at(address).filter(same).or(was.filter(same));
        let now = self.now.new.get(&address);
        match (read, now) {
            (Some(read), _) => Check::of_mark(read.mark),
            (None, Some((check, now))) if *now == number => *check,
            (None, Some((lost @ Check::Lost(_), _))) => *lost,
            (None, Some(_)) => Check::Lost(Reason::ObjectGone),
            (None, None) if index.at(address).is_some() => Check::Lost(Reason::ObjectGone),
            (None, None) => Check::Lost(Reason::NoTime),
        }
    }

    /// The code at an address at this time. What was read before, and is there now, was there. What came later is what is there now, unless
    /// code comes and goes so fast that it may have been other code. If a known piece was not looked at, who names it will.
    pub(super) fn code(&self, address: u64, time: u64) -> Check {
        let Known { index, before, replaced, hasty } = self.known;
        let was = before.filter(|_| replaced.at(time)).and_then(|before| before.at(address));
        let is = index.at(address);
        let other = was.is_some_and(|was| is.is_none_or(|is| is.mark != was.mark));
        let late = hasty && is.is_none_or(|is| time < is.since);
        match is {
            _ if other || late => Check::Lost(Reason::ObjectGone),
            Some(is) if self.now.same.get(&is.block) == Some(&false) => {
                Check::Lost(Reason::ObjectGone)
            }
            Some(is) => Check::of_mark(is.mark),
            None => self.now.new.get(&address).map_or(Check::Lost(Reason::NoTime), |now| now.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::Entry;
    use super::*;
    use std::collections::HashMap;

    /// A piece of 16 bytes with this mark, known from this time on.
    fn entry(at: u64, mark: u64, since: u64) -> Entry {
        Entry { code: at..at + 16, block: at, mark: mark << 32, number: mark as u32, since }
    }

    fn index(blobs: Vec<Entry>) -> Index {
        let reserved = Vec::from_iter(Some(0x1000..0x2000));
        Index { reserved, blobs, ..Index::default() }
    }

    fn kept(addresses: &[u64], checks: &[(u64, u32)]) -> stacks::Known {
        stacks::Known { addresses: addresses.into(), checks: checks.into() }
    }

    const GONE: Check = Check::Lost(Reason::ObjectGone);

    /// Pieces that stayed, that changed, that were not looked at; and new ones, at 0x1400.
    fn code(known: Known<'_>, time: u64) -> [Check; 5] {
        let now = Now {
            same: HashMap::from([(0x1000, true), (0x1100, false)]),
            new: HashMap::from([(0x1400, (Check::Is(9), 90)), (0x1404, (GONE, 0))]),
        };
        let comparison = Comparison { known, now };
        [0x1000, 0x1108, 0x120f, 0x1400, 0x1404].map(|address| comparison.code(address, time))
    }

    #[test]
    fn code_is_known_by_what_was_there_before_and_after() {
        let index = index(vec![entry(0x1000, 1, 50), entry(0x1100, 2, 50), entry(0x1200, 3, 50)]);
        let replaced = Replaced::default();
        let calm = Known { index: &index, before: None, replaced: &replaced, hasty: false };
        let expected = [Check::Is(1), GONE, Check::Is(3), Check::Is(9), GONE];
        assert_eq!(code(calm, 60), expected);
        assert_eq!(code(calm, 40), expected, "what is there now came not long ago");
        let hasty = Known { hasty: true, ..calm };
        assert_eq!(code(hasty, 60), [Check::Is(1), GONE, Check::Is(3), GONE, GONE]);
        assert_eq!(code(hasty, 40), [GONE; 5], "other code may have been there");
    }

    #[test]
    fn what_was_replaced_before_the_tables_knew_it_may_have_been_either() {
        let before = index(vec![entry(0x1000, 1, 5), entry(0x1200, 7, 5), entry(0x1400, 8, 5)]);
        let index = index(vec![entry(0x1000, 1, 5), entry(0x1100, 2, 50), entry(0x1200, 3, 50)]);
        let mut replaced = Replaced::default();
        replaced.add(vec![0x1200..0x1210, 0x1400..0x1410]);
        replaced.settle(60);
        let known =
            Known { index: &index, before: Some(&before), replaced: &replaced, hasty: false };
        assert_eq!(code(known, 55), [Check::Is(1), GONE, GONE, GONE, GONE]);
        assert_eq!(code(known, 60), [Check::Is(1), GONE, Check::Is(3), Check::Is(9), GONE]);
    }

    #[test]
    fn a_method_is_known_by_its_number_even_if_code_comes_and_goes() {
        let before = index(vec![entry(0x1000, 1, 5), entry(0x1200, 7, 5)]);
        let index = index(vec![entry(0x1000, 1, 50), entry(0x1200, 3, 50)]);
        let now = Now {
            same: HashMap::from([(0x1000, true), (0x1200, true)]),
            new: HashMap::from([(0x1400, (Check::Is(9), 90)), (0x1404, (GONE, 0))]),
        };
        let (before, replaced) = (Some(&before), &Replaced::default());
        let known = Known { index: &index, before, replaced, hasty: true };
        let comparison = Comparison { known, now };
        let check = |address, number| {
            let stack = comparison.stack(&kept(&[address], &[(address, number)]), 40);
            stack.at(address).unwrap()
        };
        assert_eq!(comparison.code(0x1000, 40), GONE, "without its number");
        assert_eq!(check(0x1000, 1), Check::Is(1));
        assert_eq!(check(0x1000, 2), GONE);
        assert_eq!([7, 3].map(|number| check(0x1200, number)), [Check::Is(7), Check::Is(3)]);
        assert_eq!([90, 91].map(|number| check(0x1400, number)), [Check::Is(9), GONE]);
        assert_eq!(check(0x1404, 0), GONE);
        assert_eq!(check(0x1500, 1), Check::Lost(Reason::NoTime), "nobody looked");
    }

    #[test]
    fn a_stack_with_other_code_is_another() {
        let (before, after) = (index(vec![entry(0x1000, 1, 5)]), index(vec![entry(0x1000, 2, 50)]));
        let replaced = Replaced::default();
        let stack = |index| {
            let known = Known { index, before: None, replaced: &replaced, hasty: false };
            Comparison { known, now: Now::default() }.stack(&kept(&[0x1004, 0x9000], &[]), 60)
        };
        let (first, again, other) = (stack(&before), stack(&before), stack(&after));
        assert_eq!(first.version(), again.version());
        assert_ne!(first.version(), other.version());
        assert_eq!((other.at(0x1004), other.at(0x9000)), (Some(Check::Is(2)), None));
    }
}

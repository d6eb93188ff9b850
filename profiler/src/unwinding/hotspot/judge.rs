//! The check of sampled code: is it the code that the rules were made from?

use super::look::Same;
use super::reading::{Entry, Index};
use bpf::{Flags, Stack, StackId, Window};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// The most pieces of code that are looked at in a window, over all processes.
pub(super) const MOST_LOOKS: usize = 8192;
/// The most addresses that are kept of a process's stacks. Each stack counts as a few more.
const MOST_KEPT: usize = 2 << 20;
const KEPT_BESIDE: usize = 4;

/// The addresses in the code cache, of each stack of a process. They are kept because a window brings a stack's frames
/// only once, and the code may be replaced later.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    known: HashMap<StackId, Box<[u64]>>,
    kept: usize,
}

impl Stacks {
    /// Keeps the addresses of a stack that `holds` accepts. Beyond the bound, it keeps nothing.
    pub(super) fn note(&mut self, stack: &Stack, holds: impl Fn(u64) -> bool) {
        if self.known.contains_key(&stack.id) || self.kept >= MOST_KEPT {
            return;
        }
        // A return address is behind its call.
        let places = stack.frames.iter().enumerate();
        let places = places.map(|(at, frame)| frame.address.saturating_sub(u64::from(at > 0)));
        let addresses: Box<[u64]> = places.filter(|address| holds(*address)).collect();
        self.kept += addresses.len() + KEPT_BESIDE;
        self.known.insert(stack.id, addresses);
    }

    /// Forgets all stacks.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

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
    /// and it is forgotten.
    pub(super) fn pass(&mut self) {
        if self.until.take().is_some() {
            self.ranges.clear();
        }
    }

    fn holds(&self, address: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= address);
        after.checked_sub(1).is_some_and(|at| self.ranges[at].contains(&address))
    }

    /// Whether code was replaced that the tables did not know at this time.
    fn at(&self, time: u64) -> bool {
        !self.ranges.is_empty() && self.until.is_none_or(|until| time < until)
    }
}

/// The judgement of a stack.
#[derive(Clone, Copy, Debug, Default)]
struct Judgement {
    /// The stack goes through code that was not read yet.
    unknown: bool,
    /// The stack goes through code that differs from what was read.
    changed: bool,
    /// The stack goes through code that differs from what was read before the last reading.
    before: bool,
    /// The stack goes through code that was not looked at.
    unseen: bool,
}

/// The comparison of the code that was read with the code that is there now.
struct Check<'a> {
    index: &'a Index,
    replaced: &'a Replaced,
    same: Same,
}

/// Marks the samples of a process in a window whose code was replaced, or may have been. `look` compares a limited
/// number of pieces. A piece that is the same now as when it was read was the same in between. Returns whether there is
/// unread code.
pub(super) fn mark(
    pid: u32,
    window: &mut Window,
    stacks: &Stacks,
    (index, replaced): (&Index, &Replaced),
    looks: &mut usize,
    look: impl FnOnce(Vec<Entry>) -> Same,
) -> bool {
    let of_it = window.samples.iter().filter(|sample| sample.space.pid == pid);
    let ids: HashSet<StackId> = of_it.map(|sample| sample.user).collect();
    let known: Vec<(StackId, &[u64])> =
        ids.iter().filter_map(|id| Some((*id, &**stacks.known.get(id)?))).collect();
    let same = look(pieces(known.iter().flat_map(|(_, addresses)| *addresses), index, looks));
    let check = Check { index, replaced, same };
    let judged: HashMap<StackId, Judgement> =
        known.into_iter().map(|(id, addresses)| (id, check.judge(addresses))).collect();
    let any = |what: fn(&Judgement) -> bool| judged.values().any(what);
    let (changed, unseen) = (any(|of| of.changed), any(|of| of.unseen));
    // The frames of this stack are not known here. It may have gone through any code that changed.
    let lost = Judgement { changed, unseen, before: true, unknown: false };
    for sample in window.samples.iter_mut().filter(|sample| sample.space.pid == pid) {
        let of = judged.get(&sample.user).copied().unwrap_or(lost);
        let before = of.before && replaced.at(sample.time);
        if sample.user != StackId(0) && (of.changed || of.unseen || before) {
            sample.flags = sample.flags.with(Flags::STALE);
        }
    }
    changed || any(|of| of.unknown)
}

/// The pieces of code at these addresses, each once, as long as the number of looks lasts.
fn pieces<'a>(
    addresses: impl Iterator<Item = &'a u64>,
    index: &Index,
    looks: &mut usize,
) -> Vec<Entry> {
    let mut pieces = HashMap::new();
    for entry in addresses.filter(|at| index.holds(**at)).filter_map(|at| index.at(*at)) {
        if pieces.contains_key(&entry.block) {
            continue;
        }
        let Some(left) = looks.checked_sub(1) else { break };
        *looks = left;
        pieces.insert(entry.block, entry.clone());
    }
    pieces.into_values().collect()
}

impl Check<'_> {
    fn judge(&self, addresses: &[u64]) -> Judgement {
        let mut judgement = Judgement::default();
        for address in addresses.iter().filter(|address| self.index.holds(**address)) {
            match self.index.at(*address).map(|entry| self.same.get(&entry.block)) {
                Some(Some(same)) => judgement.changed |= !same,
                Some(None) => judgement.unseen = true,
                None => judgement.unknown = true,
            }
            judgement.before |= self.replaced.holds(*address);
        }
        judgement
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::look;
    use super::super::reading::Reading;
    use super::super::tests::{HEAP, METHOD, Machinery, machine, machinery};
    use super::*;
    use crate::record::testing::{SPACE, sample, stack};

    const CODE: u64 = HEAP + 0x80;

    /// A reading, and the stacks that were seen.
    #[derive(Debug, Default)]
    struct Seen {
        stacks: Stacks,
        replaced: Replaced,
    }

    impl Seen {
        /// For a sample of each stack at each time: its mark; and whether there is code to read.
        fn marks(
            &self,
            now: &Machinery,
            times: &[u64],
            ids: &[u64],
            looks: usize,
        ) -> (String, bool) {
            let before = machinery();
            let memory = before.memory();
            let machine = machine(&before, &memory).unwrap();
            let index = Reading::default().again(&machine, &memory, true).unwrap().index;
            let of = |time: &u64| ids.iter().map(|id| sample(*time, *id, 0)).collect::<Vec<_>>();
            let samples = times.iter().flat_map(of).collect();
            let mut window = Window { samples, ..Window::default() };
            let (memory, mut looks) = (now.memory(), looks);
            let said = (&*index, &self.replaced);
            let look = |pieces: Vec<Entry>| look(&machine, &memory, &pieces);
            let wanted = mark(SPACE.pid, &mut window, &self.stacks, said, &mut looks, look);
            let stale = |sample: &bpf::Sample| sample.flags.has(Flags::STALE);
            let mark = |sample| if stale(sample) { 'x' } else { '.' };
            (window.samples.iter().map(mark).collect(), wanted)
        }
    }

    fn seen(stacks: &[&[u64]]) -> Seen {
        let mut seen = Seen::default();
        for (id, addresses) in (1..).zip(stacks) {
            seen.stacks.note(&stack(id, addresses), |address| address >= HEAP);
        }
        seen
    }

    #[test]
    fn code_that_is_other_or_new_is_seen_every_time() {
        let end = CODE + METHOD.len() as u64;
        // The second address is a return behind a last call, the third is none. The seventh was never seen.
        let seen = seen(&[&[0x1000, CODE + 5, 0x2000], &[0x1000, end], &[end], &[0x1000]]);
        let mut now = machinery();
        let ids = [1, 2, 4, 7, 0];
        assert_eq!(seen.marks(&now, &[9], &ids, 9), (String::from("....."), false));
        assert_eq!(seen.marks(&now, &[9], &[3], 9), (String::from("."), true), "it is to be read");
        now.block(0, 77, METHOD);
        for _ in 0..2 {
            assert_eq!(seen.marks(&now, &[9], &ids, 9), (String::from("xx.x."), true));
        }
    }

    #[test]
    fn what_was_replaced_is_marked_until_the_tables_know_it() {
        let mut seen = seen(&[&[HEAP + 0x180], &[CODE], &[0x1000]]);
        let now = machinery();
        seen.replaced.add(Vec::from_iter(Some(HEAP + 0x180..HEAP + 0x190)));
        let ids = [1, 2, 3, 7, 0];
        assert_eq!(seen.marks(&now, &[9], &ids, 9).0, "x..x.");
        seen.replaced.settle(10);
        assert_eq!(seen.marks(&now, &[9, 10], &ids, 9).0, "x..x......");
        seen.replaced.pass();
        assert_eq!(seen.marks(&now, &[9, 10], &ids, 9).0, "..........");
    }

    #[test]
    fn what_may_not_be_looked_at_any_more_is_marked() {
        let seen = seen(&[&[CODE], &[0x1000]]);
        assert_eq!(seen.marks(&machinery(), &[9], &[1, 2, 7], 0), (String::from("x.x"), false));
    }

    #[test]
    fn replaced_code_is_found_in_ranges_that_touch() {
        let mut replaced = Replaced::default();
        replaced.add(vec![50..60, 10..20]);
        replaced.add(vec![12..14, 20..30]);
        let held: Vec<u64> = (0..70).filter(|at| replaced.holds(*at)).collect();
        assert_eq!(held, (10..30).chain(50..60).collect::<Vec<u64>>());
        assert_eq!(replaced.ranges.len(), 2);
    }

    #[test]
    fn no_more_stacks_are_kept_than_the_bound() {
        let mut stacks = Stacks { kept: MOST_KEPT - 1, ..Stacks::default() };
        (1..4).for_each(|id| stacks.note(&stack(id, &[HEAP]), |_| true));
        assert_eq!(stacks.known.len(), 1);
    }
}

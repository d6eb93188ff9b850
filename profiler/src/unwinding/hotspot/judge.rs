//! The check of sampled code: is it the code that the rules were made from?

use super::comparison::{Comparison, Judgement, Known};
use super::look::{Now, Wanted};
use super::reading::{Entry, Index};
use super::stacks::{Known as Kept, Stacks};
use crate::record::run_time_code::{Codes, StackCode};
use bpf::{Flags, Sample, StackId, Window};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The most pieces of code that are looked at in a window, over all processes.
pub(super) const MOST_LOOKS: usize = 8192;

/// A stack, what it was judged to be, and its code, for samples from a time on.
struct Judged<'a> {
    kept: &'a Kept,
    of: Judgement,
    since: u64,
    code: Rc<StackCode>,
}

/// Marks the samples of a process in a window whose code was replaced, or may have been, and notes the code that each went through. `look`
/// compares a limited number of pieces. A piece that is the same now as when it was read was the same in between. Returns
/// whether there is unread code.
pub(super) fn mark(
    pid: u32,
    (window, codes): (&mut Window, &mut Codes),
    stacks: &Stacks,
    known: Known<'_>,
    looks: &mut usize,
    look: impl FnOnce(Wanted) -> Now,
) -> bool {
    let of_it = window.samples.iter().filter(|sample| sample.space.pid == pid);
    let ids: HashSet<StackId> = of_it.map(|sample| sample.user).collect();
    let noted: Vec<(StackId, &Kept)> =
        ids.iter().filter_map(|id| Some((*id, stacks.get(*id)?))).collect();
    let now = look(wanted(noted.iter().map(|(_, kept)| *kept), known.index, looks));
    let comparison = Comparison { known, now };
    let judge = |(id, kept)| (id, judged(&comparison, kept));
    let judged: HashMap<StackId, Judged<'_>> = noted.into_iter().map(judge).collect();
    let any = |what: fn(&Judgement) -> bool| judged.values().any(|judged| what(&judged.of));
    let (changed, unseen) = (any(|of| of.changed), any(|of| of.unseen));
    // The frames of this stack are not known here. It may have gone through any code that changed.
    let of = Judgement { changed, unseen, before: true, unknown: false };
    let code = Rc::new(StackCode::lost());
    let nothing = Kept::default();
    let lost = Judged { kept: &nothing, of, since: 0, code };
    let own = |(_, sample): &(usize, &mut Sample)| sample.space.pid == pid && sample.user.0 != 0;
    for (number, sample) in window.samples.iter_mut().enumerate().filter(own) {
        let Judged { kept, of, since, code } = judged.get(&sample.user).unwrap_or(&lost);
        let before = of.before && known.replaced.at(sample.time);
        if of.changed || of.unseen || before {
            sample.flags = sample.flags.with(Flags::STALE);
        }
        let early = (before || sample.time < *since) && !kept.addresses.is_empty();
        codes.put(number, if early { comparison.stack(kept, sample.time) } else { code.clone() });
    }
    changed || any(|of| of.unknown)
}

/// The judgement of a stack.
fn judged<'a>(comparison: &Comparison<'_>, kept: &'a Kept) -> Judged<'a> {
    let of = comparison.judge(kept);
    let since = comparison.since(&kept.addresses).unwrap_or(0);
    Judged { kept, of, since, code: comparison.stack(kept, u64::MAX) }
}

/// The pieces of code of these stacks, each once, and the addresses at which the code was not read yet, as long as the number of
/// looks lasts. What is known by its number is not looked at.
fn wanted<'a>(stacks: impl Iterator<Item = &'a Kept>, index: &Index, looks: &mut usize) -> Wanted {
    let (mut pieces, mut new) = (HashMap::new(), HashSet::new());
    let addresses = stacks.flat_map(|kept| kept.addresses.iter().map(move |at| (kept, at)));
    for (kept, address) in addresses.filter(|(_, at)| index.holds(**at)) {
        let number = kept.check(*address);
        let is_it = |entry: &&Entry| number.is_none_or(|number| number == entry.number);
        let entry = index.at(*address).filter(is_it);
        let known = match entry {
            Some(entry) => number.is_some() || pieces.contains_key(&entry.block),
            None => new.contains(address),
        };
        if known {
            continue;
        }
        let Some(left) = looks.checked_sub(1) else { break };
        *looks = left;
        match entry {
            Some(entry) => drop(pieces.insert(entry.block, entry.clone())),
            None => drop(new.insert(*address)),
        }
    }
    Wanted { pieces: pieces.into_values().collect(), new: new.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::super::heaps::KnownNames;
    use super::super::look::look;
    use super::super::reading::Reading;
    use super::super::replaced::Replaced;
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
            let known =
                Known { index: &index, before: None, replaced: &self.replaced, hasty: false };
            let look = |wanted: Wanted| look(&machine, &memory, &wanted, &mut KnownNames::new());
            let both = (&mut window, &mut Codes::default());
            let wanted = mark(SPACE.pid, both, &self.stacks, known, &mut looks, look);
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
    fn a_method_with_a_number_is_looked_at_if_another_one_was_read() {
        let made = machinery();
        let memory = made.memory();
        let machine = machine(&made, &memory).unwrap();
        let index = Reading::default().again(&machine, &memory, true).unwrap().index;
        let looked = |checks: &[(u64, u32)]| {
            let kept = Kept { addresses: [CODE].into(), checks: checks.into() };
            let wanted = wanted(std::iter::once(&kept), &index, &mut 9);
            (wanted.pieces.len(), wanted.new)
        };
        assert_eq!(looked(&[]), (1, vec![]));
        assert_eq!(looked(&[(CODE, 1)]), (0, vec![]));
        assert_eq!(looked(&[(CODE, 2)]), (0, vec![CODE]));
    }

    #[test]
    fn what_may_not_be_looked_at_any_more_is_marked() {
        let seen = seen(&[&[CODE], &[0x1000]]);
        assert_eq!(seen.marks(&machinery(), &[9], &[1, 2, 7], 0), (String::from("x.x"), false));
    }
}

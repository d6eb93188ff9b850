//! The registers that calls within uncovered code keep: assembly routines need not follow the ABI among themselves.

use super::facts::{Facts, Findings};
use super::state::{KEPT_BY_CALLEES, State};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Blocks that are looked at in all, for each that there is.
const ROUNDS: usize = 32;

/// The effect of a callee on its caller's registers and stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Callee {
    /// General registers that it changes, a bit each.
    pub(super) writes: u16,
    /// It may pop arguments, and only the callee knows how many.
    pub(super) takes_arguments: bool,
}

/// The known effects of calls within uncovered code.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Callees by their entry; `None` in the first pass, which assumes that callees keep everything, so that no code is missed.
    callees: Option<HashMap<u64, Callee>>,
    /// Some code here pops its caller's arguments. Then an unknown callee may also do so.
    takes_arguments: bool,
    /// By block: the registers that the rules of callers need, one bit each.
    wanted: BTreeMap<u64, u16>,
    /// The registers that any block needs.
    wanted_at_all: u16,
}

impl Calls {
    /// A callee that keeps to the ABI.
    pub(super) const BY_ABI: Callee = Callee { writes: !KEPT_BY_CALLEES, takes_arguments: false };

    /// The effects of all called code, and the registers that callers need, from the findings of a first pass.
    pub(super) fn new(findings: &Findings) -> Self {
        let entries: BTreeSet<u64> =
            findings.facts.values().flat_map(|facts| facts.calls.iter().copied()).collect();
        let mut budget = findings.facts.len().saturating_mul(ROUNDS);
        let mut callees = HashMap::new();
        for entry in entries {
            if let Some(callee) = summarise(findings, entry, &mut budget) {
                callees.insert(entry, callee);
            }
        }
        let takes_arguments = findings.facts.values().any(|facts| facts.takes_arguments);
        let wanted = wanted(findings);
        let wanted_at_all = wanted.values().fold(0, |all, registers| all | registers);
        Self { callees: Some(callees), takes_arguments, wanted, wanted_at_all }
    }

    /// The effect of a callee in uncovered code.
    pub(super) fn callee(&self, entry: u64) -> Callee {
        let Some(callees) = &self.callees else {
            return Callee { writes: 0, takes_arguments: false };
        };
        let callee = callees.get(&entry).copied().unwrap_or(Self::BY_ABI);
        Callee { takes_arguments: callee.takes_arguments && self.takes_arguments, ..callee }
    }

    /// The effect of an indirect call.
    pub(super) fn unknown(&self) -> Callee {
        Callee { takes_arguments: self.takes_arguments, ..Self::BY_ABI }
    }

    /// The state at a callee's entry. Code that needs a register may be reached from code that does not.
    pub(super) fn at_entry(&self) -> State {
        State::at_entry(self.wanted_at_all)
    }

    /// Registers that the rules of an address's callers build on, a bit each.
    pub(super) fn wanted(&self, address: u64) -> u16 {
        self.wanted.range(..=address).next_back().map_or(0, |(_, &wanted)| wanted)
    }
}

/// The registers needed at a block are also needed at all its successors and callees. Its callees also need those of its own rules.
fn wanted(findings: &Findings) -> BTreeMap<u64, u16> {
    let mut wanted: BTreeMap<u64, u16> = findings.facts.keys().map(|&start| (start, 0)).collect();
    let mut changed: BTreeSet<u64> = wanted.keys().copied().collect();
    while let Some(start) = changed.pop_first() {
        let (Some(facts), Some(&own)) = (findings.facts.get(&start), wanted.get(&start)) else {
            continue;
        };
        let calls = facts.calls.iter().map(|&call| (call, own | facts.wants));
        for (next, more) in facts.goes_to.iter().map(|&next| (next, own)).chain(calls) {
            if let Some(theirs) = wanted.get_mut(&next).filter(|theirs| **theirs | more != **theirs)
            {
                *theirs |= more;
                changed.insert(next);
            }
        }
    }
    wanted
}

/// All that is reached from an entry by jumps and calls; `None` when the budget is at its end.
fn summarise(findings: &Findings, entry: u64, budget: &mut usize) -> Option<Callee> {
    let mut callee = Callee { writes: 0, takes_arguments: false };
    let mut seen = HashSet::from([entry]);
    let mut ways = vec![entry];
    while let Some(at) = ways.pop() {
        *budget = budget.checked_sub(1)?;
        let Some(facts) = findings.facts.get(&at) else {
            callee.writes |= Calls::BY_ABI.writes;
            continue;
        };
        callee.writes |= written(facts);
        callee.takes_arguments |= facts.takes_arguments || facts.jumps_away;
        let next = facts.goes_to.iter().chain(&facts.calls);
        ways.extend(next.copied().filter(|&next| seen.insert(next)));
    }
    Some(callee)
}

/// The registers that a block changes for good: those of the caller, unless they are restored at its returns, and all others that it
/// writes.
fn written(facts: &Facts) -> u16 {
    let others = facts.writes & !KEPT_BY_CALLEES;
    let elsewhere = if facts.leaves { Calls::BY_ABI.writes } else { 0 };
    others | elsewhere | facts.not_restored
}

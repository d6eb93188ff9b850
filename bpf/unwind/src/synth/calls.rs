//! What calls within uncovered code leave alone: assembly keeps to no ABI among itself.

use super::facts::{Facts, Findings};
use super::state::{KEPT_BY_CALLEES, State};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Blocks that are looked at in all, for each that there is.
const ROUNDS: usize = 32;

/// What a callee does to its caller's registers and stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Callee {
    /// General registers that it changes, a bit each.
    pub(super) writes: u16,
    /// It may take arguments off the stack, as many as only it knows.
    pub(super) takes_arguments: bool,
}

/// What is known of calls within uncovered code.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Callees by their entry. As long as they are not known they are taken to leave everything alone, so that no code is
    /// missed.
    callees: Option<HashMap<u64, Callee>>,
    /// Some code here takes arguments off its caller's stack. Then what only the program knows may do so, too.
    takes_arguments: bool,
    /// By blocks, registers that the rules of callers build on, a bit each.
    wanted: BTreeMap<u64, u16>,
    /// By any block.
    wanted_at_all: u16,
}

impl Calls {
    /// A callee that keeps to the ABI.
    pub(super) const BY_ABI: Callee = Callee { writes: !KEPT_BY_CALLEES, takes_arguments: false };

    /// What all code that calls reach does, and what callers want of it, from what a first pass found.
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

    /// What a callee in uncovered code does.
    pub(super) fn callee(&self, entry: u64) -> Callee {
        let Some(callees) = &self.callees else {
            return Callee { writes: 0, takes_arguments: false };
        };
        let callee = callees.get(&entry).copied().unwrap_or(Self::BY_ABI);
        Callee { takes_arguments: callee.takes_arguments && self.takes_arguments, ..callee }
    }

    /// What an indirect call does.
    pub(super) fn unknown(&self) -> Callee {
        Callee { takes_arguments: self.takes_arguments, ..Self::BY_ABI }
    }

    /// What is known at a callee's entry. Code that wants a register may be jumped to by code that does not.
    pub(super) fn at_entry(&self) -> State {
        State::at_entry(self.wanted_at_all)
    }

    /// Registers that the rules of an address's callers build on, a bit each.
    pub(super) fn wanted(&self, address: u64) -> u16 {
        self.wanted.range(..=address).next_back().map_or(0, |(_, &wanted)| wanted)
    }
}

/// What is wanted of a block is wanted of all that it goes to and calls; beside that of what it calls what its own rules want.
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

/// What a block changes for good: registers that are the caller's, unless they are as before at its returns; all others that
/// it writes.
fn written(facts: &Facts) -> u16 {
    let others = facts.writes & !KEPT_BY_CALLEES;
    let elsewhere = if facts.leaves { Calls::BY_ABI.writes } else { 0 };
    others | elsewhere | facts.not_restored
}

//! What calls within uncovered code leave alone: assembly keeps to no ABI among itself.

use super::facts::{Facts, Findings};
use super::state::KEPT_BY_CALLEES;
use std::collections::{HashMap, HashSet};

/// Blocks that are looked at in all, for each that there is.
const ROUNDS: usize = 32;

/// What a callee does to its caller's registers and stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Callee {
    /// General registers that it changes, a bit each.
    pub(super) writes: u16,
    /// It takes arguments off the stack, as many as only it knows.
    pub(super) takes_arguments: bool,
}

/// What is known of callees in uncovered code.
#[derive(Debug)]
pub(super) enum Callees {
    /// Nothing yet: they are taken to leave everything alone, so that no code is missed.
    Gentle,
    /// By their entry.
    Known(HashMap<u64, Callee>),
}

impl Callees {
    /// A callee that keeps to the ABI.
    pub(super) const BY_ABI: Callee = Callee { writes: !KEPT_BY_CALLEES, takes_arguments: false };

    /// What all code that calls reach does, from what a first pass found.
    pub(super) fn new(findings: &Findings) -> Self {
        let entries: HashSet<u64> =
            findings.facts.values().flat_map(|facts| facts.calls.iter().copied()).collect();
        let mut budget = findings.facts.len().saturating_mul(ROUNDS);
        let mut callees = HashMap::new();
        let mut sorted: Vec<u64> = entries.into_iter().collect();
        sorted.sort_unstable();
        for entry in sorted {
            if let Some(callee) = summarise(findings, entry, &mut budget) {
                callees.insert(entry, callee);
            }
        }
        Self::Known(callees)
    }

    /// What a callee in uncovered code does.
    pub(super) fn get(&self, entry: u64) -> Callee {
        match self {
            Self::Gentle => Callee { writes: 0, takes_arguments: false },
            Self::Known(callees) => callees.get(&entry).copied().unwrap_or(Self::BY_ABI),
        }
    }
}

/// All that is reached from an entry by jumps and calls; `None` when the budget is at its end.
fn summarise(findings: &Findings, entry: u64, budget: &mut usize) -> Option<Callee> {
    let mut callee = Callee { writes: 0, takes_arguments: false };
    let mut seen = HashSet::from([entry]);
    let mut ways = vec![entry];
    while let Some(at) = ways.pop() {
        *budget = budget.checked_sub(1)?;
        let Some(facts) = findings.facts.get(&at) else {
            callee.writes |= Callees::BY_ABI.writes;
            continue;
        };
        callee.writes |= written(facts);
        callee.takes_arguments |= facts.takes_arguments;
        let next = facts.goes_to.iter().chain(&facts.calls);
        ways.extend(next.copied().filter(|&next| seen.insert(next)));
    }
    Some(callee)
}

/// What a block changes for good: registers that are the caller's, unless they are as before at its returns; all others that
/// it writes.
fn written(facts: &Facts) -> u16 {
    let others = facts.writes & !KEPT_BY_CALLEES;
    let elsewhere = if facts.leaves { Callees::BY_ABI.writes } else { 0 };
    others | elsewhere | facts.not_restored
}

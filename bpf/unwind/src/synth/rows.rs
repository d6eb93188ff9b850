//! The rules of all blocks, put together.

use super::facts::{Facts, Findings};
use super::image::Image;
use super::{Counts, Synthesised};
use crate::rule::{Cfa, Rule};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

type Ruled = (Range<u64>, Rule);

/// Rules and counts from what was found.
pub(super) fn make(image: &Image<'_>, findings: Findings) -> Synthesised {
    let mut counts = count(&findings);
    counts.beyond = image.input.uncovered.beyond_len();
    counts.uncovered = image.uncovered() + counts.beyond;
    counts.instructions = image.work.done();
    if findings.gave_up.is_some() {
        return Synthesised { rules: Vec::new(), counts };
    }
    let spoilt = leading_to_unbalanced(&findings.facts);
    let blocks = findings.facts.into_iter().filter(|(start, _)| !spoilt.contains(start));
    let all: Vec<Ruled> = blocks.flat_map(|(_, facts)| facts.rules).collect();
    let rules = merged(without_overlap(all, &mut counts.overlapping));
    let ruled = rules.iter().filter(|(_, rule)| rule.cfa != Cfa::Guessed);
    counts.ruled = ruled.map(|(range, _)| range.end - range.start).sum();
    Synthesised { rules, counts }
}

fn count(findings: &Findings) -> Counts {
    let number =
        |of: fn(&Facts) -> bool| findings.facts.values().filter(|facts| of(facts)).count() as u64;
    Counts {
        frame_lost: findings.facts.values().map(|facts| facts.frame_lost).sum(),
        heights_differ: number(|facts| facts.heights_differ),
        unbalanced_returns: number(|facts| facts.unbalanced),
        indirect_jumps: number(|facts| facts.jumps_unknown),
        undecodable: number(|facts| facts.undecodable),
        refused_entries: findings.refused,
        untried_entries: findings.untried,
        gave_up: findings.gave_up,
        ..Counts::default()
    }
}

/// Blocks from which a way leads to a return with a wrong height: somewhere on it the code was misunderstood.
fn leading_to_unbalanced(facts: &BTreeMap<u64, Facts>) -> HashSet<u64> {
    let mut before: HashMap<u64, Vec<u64>> = HashMap::new();
    for (&start, facts) in facts {
        for &next in &facts.goes_to {
            before.entry(next).or_default().push(start);
        }
    }
    let bad = facts.iter().filter(|(_, facts)| facts.unbalanced).map(|(&start, _)| start);
    let mut ways: Vec<u64> = bad.collect();
    let mut spoilt: HashSet<u64> = ways.iter().copied().collect();
    while let Some(at) = ways.pop() {
        let before = before.get(&at).into_iter().flatten().copied();
        ways.extend(before.filter(|&block| spoilt.insert(block)));
    }
    spoilt
}

/// Removes contradictions: if two readings of the same bytes give different rules, neither holds.
fn without_overlap(mut all: Vec<Ruled>, overlapping: &mut u64) -> Vec<Ruled> {
    all.sort_by_key(|(range, _)| (range.start, range.end));
    let disputed = disputed(&all);
    *overlapping = disputed.len() as u64;
    let mut kept: Vec<Ruled> = Vec::with_capacity(all.len());
    let mut end = 0;
    for (range, rule) in all {
        let mut start = range.start.max(end);
        let first = disputed.partition_point(|hole| hole.end <= start);
        for hole in disputed[first..].iter().take_while(|hole| hole.start < range.end) {
            if start < hole.start {
                kept.push((start..hole.start, rule));
            }
            start = start.max(hole.end);
        }
        if start < range.end {
            kept.push((start..range.end, rule));
        }
        end = end.max(range.end);
    }
    kept
}

/// The ranges in which rules differ, sorted, without overlap. A range that overlaps any earlier one also overlaps the one that reaches
/// furthest.
fn disputed(all: &[Ruled]) -> Vec<Range<u64>> {
    let mut disputed: Vec<Range<u64>> = Vec::new();
    let Some(mut furthest) = all.first() else { return disputed };
    for ruled in all {
        let (range, rule) = ruled;
        let hole = range.start..range.end.min(furthest.0.end);
        if hole.start < hole.end && *rule != furthest.1 {
            match disputed.last_mut().filter(|last| hole.start <= last.end) {
                Some(last) => last.end = last.end.max(hole.end),
                None => disputed.push(hole),
            }
        }
        if range.end > furthest.0.end {
            furthest = ruled;
        }
    }
    disputed
}

/// Neighbours with the same rule are one.
fn merged(rules: Vec<Ruled>) -> Vec<Ruled> {
    let mut merged: Vec<Ruled> = Vec::with_capacity(rules.len());
    for (range, rule) in rules {
        match merged.last_mut() {
            Some((last, same)) if last.end == range.start && *same == rule => last.end = range.end,
            _ => merged.push((range, rule)),
        }
    }
    merged
}

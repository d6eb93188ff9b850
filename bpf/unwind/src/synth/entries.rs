//! The entries of uncovered code.

use super::Input;
use super::calls::Calls;
use super::facts::{self, Findings};
use super::flow::Flow;
use super::image::Image;
use super::labels::Labels;
use super::scan::{self, Kind, MOST_REFERENCES};
use super::walk::World;
use std::collections::HashSet;

/// Instructions that are followed in all, for each byte of uncovered code; and some for little code.
const EFFORT: u64 = 6;
const LEAST_EFFORT: u64 = 100_000;
/// And at most.
const MOST_EFFORT: u64 = 8_000_000;
/// Functions that are only found by their bytes begin at multiples of this.
const ALIGNMENT: u64 = 16;

/// Entries, the surer kinds first.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Targets of calls and jumps from covered code, exported functions.
    sure: Vec<u64>,
    /// Addresses that covered code or a pointer holds: functions, if they are no tables or labels.
    pointed_at: Vec<u64>,
    /// The addresses to which the bytes of uncovered code may refer.
    possible: Vec<u64>,
    /// The number of addresses beyond the limit.
    beyond: u64,
}

/// All entries, each list sorted.
pub(super) fn find(input: &Input<'_>, image: &Image<'_>) -> Entries {
    let scan::Found { references, beyond } = scan::references(image);
    let mut entries = Entries { beyond, ..Entries::default() };
    for reference in scan::confirmed(image, &references) {
        match reference.kind {
            Kind::Branch => entries.sure.push(reference.target),
            Kind::Address => entries.pointed_at.push(reference.target),
        }
    }
    let uncovered = references.iter().filter(|reference| image.gap(reference.at).is_some());
    let aligned = uncovered.filter(|reference| reference.target % ALIGNMENT == 0);
    entries.possible.extend(aligned.map(|reference| reference.target));
    entries.sure.extend(input.functions);
    entries.pointed_at.extend(input.pointers);
    for list in [&mut entries.sure, &mut entries.pointed_at, &mut entries.possible] {
        list.retain(|&entry| image.gap(entry).is_some());
        list.sort_unstable();
        list.dedup();
        entries.beyond += list.len().saturating_sub(MOST_REFERENCES) as u64;
        list.truncate(MOST_REFERENCES);
    }
    entries
}

impl Entries {
    /// Follows the code from all entries. Those that are not sure are tried first, the likelier ones before the others.
    pub(super) fn follow(&self, image: &Image<'_>, calls: &Calls) -> Findings {
        let labels = Labels::new(image);
        let mut flow = Flow::new(World { image, calls, labels: &labels }, effort(image));
        for &entry in &self.sure {
            flow.enter(entry);
        }
        let mut trials = Trials {
            whole: flow.run(),
            budget: effort(image),
            refused: HashSet::new(),
            untried: self.beyond,
        };
        trials.try_all(&mut flow, &self.pointed_at, true);
        trials.try_all_found(&mut flow);
        trials.try_all(&mut flow, &self.possible, false);
        trials.try_all_found(&mut flow);
        while trials.whole && flow.let_go() {
            trials.whole = flow.run();
        }
        let (refused, untried) = (trials.refused.len() as u64, trials.untried);
        match flow.gave_up() {
            Some(bound) => {
                Findings { gave_up: Some(bound), refused, untried, ..Findings::default() }
            }
            None => Findings { refused, untried, ..facts::gather(flow) },
        }
    }
}

fn effort(image: &Image<'_>) -> u64 {
    let bytes = image.uncovered().saturating_mul(EFFORT);
    bytes.clamp(LEAST_EFFORT, MOST_EFFORT)
}

/// Doubtful entries.
struct Trials {
    /// Whether all that was entered could be followed to its end.
    whole: bool,
    budget: u64,
    refused: HashSet<u64>,
    /// The entries for which no budget was left.
    untried: u64,
}

impl Trials {
    /// Tries the addresses that the followed code computes and jumps to, and repeats this, because more code computes more.
    fn try_all_found(&mut self, flow: &mut Flow<'_>) {
        while self.whole {
            let mut mentioned = flow.take_mentioned();
            mentioned.sort_unstable();
            mentioned.dedup();
            self.try_all(flow, &mentioned, false);
            if mentioned.is_empty() && !flow.follow_jumps() {
                return;
            }
            self.whole &= flow.run();
        }
    }

    /// Tries entries. An aligned address to which something points begins a function; its code is accepted however odd it looks.
    fn try_all(&mut self, flow: &mut Flow<'_>, entries: &[u64], pointed_at: bool) {
        for &entry in entries {
            if !self.whole {
                return;
            }
            if self.refused.contains(&entry) || !flow.is_new(entry) {
                continue;
            }
            if self.budget == 0 {
                self.untried += 1;
                continue;
            }
            let function = pointed_at && entry % ALIGNMENT == 0;
            let (spent, good) =
                flow.try_out(entry, &flow.world.calls.at_entry(), function, self.budget);
            self.budget = self.budget.saturating_sub(spent);
            if !good {
                self.refused.insert(entry);
                continue;
            }
            if function {
                flow.functions.insert(entry);
            }
            self.whole = flow.run();
        }
    }
}

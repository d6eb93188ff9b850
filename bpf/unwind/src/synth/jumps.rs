//! Jumps and calls to what a register or a word in memory holds.

use super::flow::Flow;
use super::jump_table::{self, Table};
use super::packed::Packed;
use super::state::Value;
use super::walk::{Goal, Way};
use std::collections::HashMap;
use std::ops::Range;

/// Jumps that wait to be tried, at most.
const MOST_NEW: usize = 1 << 16;

/// An indirect jump or call, as it was met.
#[derive(Clone)]
pub(super) struct Jump {
    pub(super) goal: Goal,
    pub(super) way: Way,
    /// The state at its targets.
    pub(super) state: Packed,
}

/// A target that was tried.
#[derive(Clone, Copy, Debug)]
struct Tried {
    target: u64,
    good: bool,
}

/// All indirect jumps and calls of a flow.
#[derive(Default)]
pub(super) struct Jumps {
    new: Vec<Jump>,
    /// The jumps whose targets in other functions were not tried yet.
    far: Vec<Jump>,
    /// By jump: its value when its targets were tried, and the targets.
    tried: HashMap<u64, (Value, Vec<Tried>)>,
}

impl Jumps {
    /// The good targets of a jump among those tried. If there may be more, they will be tried later.
    pub(super) fn meet(&mut self, jump: &Jump) -> Vec<u64> {
        let room = self.new.len() < MOST_NEW;
        if room && self.tried.get(&jump.goal.at).is_none_or(|(value, _)| *value != jump.goal.value)
        {
            self.new.push(jump.clone());
        }
        self.targets(jump.goal.at)
    }

    /// The good targets of the jump at an address.
    pub(super) fn targets(&self, at: u64) -> Vec<u64> {
        let tried = self.tried.get(&at).into_iter().flat_map(|(_, tried)| tried);
        tried.filter(|tried| tried.good).map(|tried| tried.target).collect()
    }
}

impl Flow<'_> {
    /// Tries the targets of the indirect jumps that were met: those within the same function, and when there are no more of
    /// these the others. Whether there were any.
    pub(super) fn follow_jumps(&mut self) -> bool {
        let near = !self.jumps.new.is_empty();
        let jumps = std::mem::take(if near { &mut self.jumps.new } else { &mut self.jumps.far });
        for jump in &jumps {
            let Goal { at, value, .. } = jump.goal;
            let mut tried = self.jumps.tried.remove(&at).unwrap_or((value, Vec::new())).1;
            self.try_targets(jump, near, &mut tried);
            self.jumps.tried.insert(at, (value, tried));
        }
        let any = !jumps.is_empty();
        if near {
            self.jumps.far.extend(jumps);
        }
        any
    }

    fn try_targets(&mut self, jump: &Jump, near: bool, tried: &mut Vec<Tried>) {
        let function = self.function(jump.goal.at);
        for target in self.possible_targets(jump) {
            let known = tried.iter().any(|tried| tried.target == target);
            if !known && function.contains(&target) == near {
                tried.push(Tried { target, good: self.try_target(jump, target, near) });
            }
        }
    }

    fn try_target(&mut self, jump: &Jump, target: u64, near: bool) -> bool {
        // Within a function its code is known to make sense, however odd it is.
        let (spent, good) = self.try_out(target, &jump.state.state(), near, self.budget);
        self.budget = self.budget.saturating_sub(spent);
        // The next one is compared with all that this one leads to.
        good && self.run()
    }

    /// The possible targets of an indirect jump.
    fn possible_targets(&self, jump: &Jump) -> Vec<u64> {
        let image = self.world.image;
        let mut targets = match jump.goal.value {
            Value::Target { table, entry, base } => {
                let (begin, base) = (image.address(table), image.address(base));
                jump_table::targets(image, jump.goal.at, Table { begin, entry, base })
            }
            value => self.world.labels.places(value),
        };
        // If the targets are unknown, the code after the jump is often the first one.
        if jump.way == Way::Jumps {
            targets.push(jump.goal.next);
        }
        targets
    }

    /// The code between two functions' begins.
    pub(super) fn function(&self, address: u64) -> Range<u64> {
        let begin = self.functions.range(..=address).next_back().copied().unwrap_or(0);
        let end = self.functions.range(address + 1..).next().copied().unwrap_or(u64::MAX);
        begin..end
    }
}

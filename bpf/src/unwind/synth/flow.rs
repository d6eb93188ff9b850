//! The stack's height through all code that is reached, block by block, until nothing changes any more.

use super::calls::Callees;
use super::image::Image;
use super::jump_table::{self, Table};
use super::state::{State, Value};
use super::trial::{Doubt, Trial};
use super::walk::{Ending, Exit, Walker, Way};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Instructions that a trial follows at most.
pub(super) const LONGEST_TRIAL: u64 = 20_000;

/// Code that is entered at its begin only.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// What is known at its begin.
    pub(super) state: State,
    /// One past its last instruction; its begin while it was not yet followed.
    pub(super) end: u64,
    /// Ways with different heights lead to it.
    pub(super) heights_differ: bool,
    /// In a trial: what speaks against the entry, as far as is known now.
    pub(super) doubt: Doubt,
}

pub(super) type Blocks = BTreeMap<u64, Block>;

/// What an address is in code that was followed.
pub(super) enum Known {
    /// Not reached.
    Nothing,
    /// Within an instruction.
    Amid,
    /// An instruction, before which this is known.
    Before(Box<State>),
}

/// An indirect jump: its targets are tried before they are followed.
struct Jump {
    at: u64,
    /// The next instruction.
    next: u64,
    value: Value,
    state: State,
}

/// Follows code from entries.
pub(super) struct Flow<'a> {
    pub(super) image: &'a Image<'a>,
    pub(super) callees: &'a Callees,
    walker: Walker<'a>,
    pub(super) blocks: Blocks,
    queue: BTreeSet<u64>,
    /// Where calls lead.
    entries: BTreeSet<u64>,
    /// What this is compared with, if it is a trial.
    trial: Option<Trial<'a>>,
    new_jumps: Vec<Jump>,
    /// Targets that were tried and found good, by the jump's address.
    jumps: HashMap<u64, Vec<u64>>,
    /// Instructions that may still be followed.
    pub(super) budget: u64,
}

impl<'a> Flow<'a> {
    pub(super) fn new(image: &'a Image<'a>, callees: &'a Callees, budget: u64) -> Self {
        Self {
            image,
            callees,
            walker: Walker::new(image, callees),
            blocks: Blocks::new(),
            queue: BTreeSet::new(),
            entries: BTreeSet::new(),
            trial: None,
            new_jumps: Vec::new(),
            jumps: HashMap::new(),
            budget,
        }
    }

    /// The same, for code that is compared with what is followed already.
    pub(super) fn on_trial(trial: Trial<'a>, budget: u64) -> Self {
        let (image, callees) = (trial.below.image, trial.below.callees);
        Self { trial: Some(trial), ..Self::new(image, callees, budget) }
    }

    /// Follows all code from an entry that is surely one.
    pub(super) fn enter(&mut self, entry: u64) {
        self.reach(Exit { way: Way::Calls, target: entry, state: State::at_entry() });
    }

    /// Follows the code from an address.
    pub(super) fn jump_to(&mut self, target: u64, state: State) -> Doubt {
        self.reach(Exit { way: Way::Jumps, target, state })
    }

    /// Follows what is queued, and what that leads to, until nothing changes. Whether the budget was enough; a trial also
    /// ends when its entry is surely none.
    pub(super) fn run(&mut self) -> bool {
        while let Some(start) = self.queue.pop_first() {
            if self.budget == 0 || self.follow_block(start) == Doubt::Wrong {
                return false;
            }
        }
        true
    }

    /// Tries the targets of the indirect jumps that were met. Whether there were any.
    pub(super) fn follow_jumps(&mut self) -> bool {
        let jumps = std::mem::take(&mut self.new_jumps);
        for jump in &jumps {
            let targets = self.possible_targets(jump);
            let good = targets.into_iter().filter(|&target| {
                let (spent, good) = self.try_out(target, &jump.state, false, self.budget);
                self.budget = self.budget.saturating_sub(spent);
                good
            });
            let good = good.collect();
            self.jumps.insert(jump.at, good);
        }
        !jumps.is_empty()
    }

    /// Addresses that instructions computed since the last time.
    pub(super) fn take_mentioned(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.walker.mentioned)
    }

    /// Whether an address lies in uncovered code that was not reached.
    pub(super) fn is_new(&self, address: u64) -> bool {
        self.image.gap(address).is_some() && matches!(self.known(address), Known::Nothing)
    }

    /// What is known at an address.
    pub(super) fn known(&self, address: u64) -> Known {
        if let Some(block) = self.blocks.get(&address) {
            return Known::Before(Box::new(block.state.clone()));
        }
        let around = self.blocks.range(..address).next_back();
        let Some((&start, block)) = around.filter(|(_, block)| address < block.end) else {
            return Known::Nothing;
        };
        let mut walker = Walker::new(self.image, self.callees);
        match walker.walk(start, &block.state, |_| Some(address), |_, _| {}).exits.pop() {
            Some(exit) if exit.way == Way::Falls && exit.target == address => {
                Known::Before(Box::new(exit.state))
            }
            _ => Known::Amid,
        }
    }

    /// Whether calls lead to an address.
    pub(super) fn is_entry(&self, address: u64) -> bool {
        self.entries.contains(&address)
    }

    /// Where the indirect jump at an address leads, as far as that was found.
    pub(super) fn targets(&self, jump: u64) -> &[u64] {
        self.jumps.get(&jump).map_or(&[], Vec::as_slice)
    }

    fn follow_block(&mut self, start: u64) -> Doubt {
        let Some(block) = self.blocks.get(&start) else { return Doubt::None };
        let state = block.state.clone();
        let below = self.trial.as_ref().map(|trial| &trial.below.blocks);
        let meets = |at| {
            let begins = [Some(&self.blocks), below].into_iter().flatten();
            begins.filter_map(|blocks| first_from(blocks, at)).min()
        };
        let walked = self.walker.walk(start, &state, meets, |_, _| {});
        self.budget = self.budget.saturating_sub(walked.count + 1);
        // The exits may lie in this block.
        if let Some(block) = self.blocks.get_mut(&start) {
            block.end = walked.end;
        }
        let mut doubt = self.trial.as_ref().map_or(Doubt::None, |trial| trial.judge(&walked));
        for exit in walked.exits {
            doubt = doubt.max(self.reach(exit));
        }
        if let Ending::JumpsTo { at, next, value } = walked.ending {
            self.jump(Jump { at, next, value, state: walked.last });
        }
        if let Some(block) = self.blocks.get_mut(&start) {
            block.doubt = doubt;
        }
        doubt
    }

    fn reach(&mut self, exit: Exit) -> Doubt {
        let Exit { way, target, state } = exit;
        if self.image.gap(target).is_none() {
            return Trial::judge_leaving(self.image, way, target, &state);
        }
        if way == Way::Calls {
            self.entries.insert(target);
        }
        // What falls into a function with a frame comes from a call that does not return.
        let falls = way == Way::Falls && state.height() != Some(8);
        if falls
            && (self.is_entry(target)
                || self.trial.as_ref().is_some_and(|trial| trial.below.is_entry(target)))
        {
            return Doubt::None;
        }
        if let Some(trial) = &self.trial {
            self.budget = self.budget.saturating_sub(Trial::LOOK);
            if let Some(doubt) = trial.compare(target, &state) {
                return doubt;
            }
        }
        self.merge(target, state);
        Doubt::None
    }

    /// Adds what is known at a block's begin.
    fn merge(&mut self, target: u64, state: State) {
        let Some(block) = self.blocks.get_mut(&target) else {
            // A block that it lies in is followed again: it ends here now.
            let around = self.blocks.range(..target).next_back();
            let around = around.filter(|(_, block)| target < block.end).map(|(&start, _)| start);
            self.queue.extend(around);
            let block = Block { state, end: target, heights_differ: false, doubt: Doubt::None };
            self.blocks.insert(target, block);
            self.queue.insert(target);
            return;
        };
        let height = block.state.height();
        block.heights_differ |= height.is_some() && state.height() != height;
        if block.state.merge(&state) {
            self.queue.insert(target);
        }
    }

    fn jump(&mut self, jump: Jump) {
        match self.jumps.get(&jump.at) {
            None => self.new_jumps.push(jump),
            Some(targets) => {
                for target in targets.clone() {
                    self.jump_to(target, jump.state.clone());
                }
            }
        }
    }

    /// Where an indirect jump may lead, the likelier targets first. In a trial they are not looked at.
    fn possible_targets(&self, jump: &Jump) -> Vec<u64> {
        let mut targets = match jump.value {
            Value::Address(address) => vec![self.image.address(address)],
            Value::Target { table, entry, base } => {
                let (begin, base) = (self.image.address(table), self.image.address(base));
                jump_table::targets(self.image, jump.at, Table { begin, entry, base })
            }
            _ => Vec::new(),
        };
        // The code behind the jump is often the first target, where nothing tells them.
        targets.push(jump.next);
        let begin = self.entries.range(..=jump.at).next_back().copied().unwrap_or(0);
        let end = self.entries.range(jump.at + 1..).next().copied().unwrap_or(u64::MAX);
        targets.sort_by_key(|target| !(begin..end).contains(target));
        targets
    }
}

/// The first block that begins at an address or behind it.
pub(super) fn first_from(blocks: &Blocks, address: u64) -> Option<u64> {
    blocks.range(address..).next().map(|(&start, _)| start)
}

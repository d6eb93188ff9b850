//! The stack's height through all code that is reached, block by block, until nothing changes any more.

use super::Bound;
use super::held::Held;
use super::image::Image;
use super::jumps::{Jump, Jumps};
use super::packed::Packed;
use super::state::State;
use super::trial::{Doubt, Trial};
use super::walk::{Ending, Exit, Walked, Walker, Way, World};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a block at least, on average: real code has 40 to 600.
const BLOCK: u64 = 12;
/// The cost of a way out of a block, in instructions.
const EXIT: u64 = 4;
const LEAST_BLOCKS: u64 = 1_000;
const MOST_BLOCKS: u64 = 150_000;

/// Code that is entered at its begin only.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The state at its begin.
    pub(super) state: Packed,
    /// One past its last instruction; its begin while it was not yet followed.
    pub(super) end: u64,
    /// Ways with different heights lead to it.
    pub(super) heights_differ: bool,
    /// In a trial: the doubt about the entry so far.
    pub(super) doubt: Doubt,
}

pub(super) type Blocks = BTreeMap<u64, Block>;

/// The role of an address in the followed code.
pub(super) enum Known {
    /// Not reached.
    Nothing,
    /// Within an instruction.
    Amid,
    /// An instruction, before which this is known.
    Before(Box<State>),
}

/// Follows code from entries.
pub(super) struct Flow<'a> {
    pub(super) world: World<'a>,
    pub(super) walker: Walker<'a>,
    pub(super) blocks: Blocks,
    queue: BTreeSet<u64>,
    /// The targets of calls.
    entries: BTreeSet<u64>,
    /// The begins of functions: targets of calls and of pointers.
    pub(super) functions: BTreeSet<u64>,
    /// The flow to compare with, in a trial.
    pub(super) trial: Option<Trial<'a>>,
    pub(super) jumps: Jumps,
    /// Ways on behind calls that may never return.
    pub(super) held: Held,
    /// Instructions that may still be followed.
    pub(super) budget: u64,
    most_blocks: usize,
    /// There were more blocks.
    full: bool,
}

impl<'a> Flow<'a> {
    pub(super) fn new(world: World<'a>, budget: u64) -> Self {
        Self {
            world,
            walker: Walker::new(world),
            blocks: Blocks::new(),
            queue: BTreeSet::new(),
            entries: BTreeSet::new(),
            functions: BTreeSet::new(),
            trial: None,
            jumps: Jumps::default(),
            held: Held::default(),
            budget,
            most_blocks: most_blocks(world.image),
            full: false,
        }
    }

    /// The same, for code that is compared with what is followed already.
    pub(super) fn on_trial(trial: Trial<'a>, budget: u64) -> Self {
        let world = trial.below.world;
        Self { trial: Some(trial), ..Self::new(world, budget) }
    }

    /// Follows all code from an entry that is surely one.
    pub(super) fn enter(&mut self, entry: u64) {
        let state = self.world.calls.at_entry();
        self.reach(entry, Exit { way: Way::Calls, target: entry, state });
    }

    /// Follows the code from an address.
    pub(super) fn jump_to(&mut self, target: u64, state: State) -> Doubt {
        self.reach(target, Exit { way: Way::Jumps, target, state })
    }

    /// Follows what is queued, and what that leads to, until nothing changes. Whether the budget was enough; a trial also
    /// ends when its entry is surely none.
    pub(super) fn run(&mut self) -> bool {
        while let Some(start) = self.queue.pop_first() {
            let wrong = self.follow_block(start) == Doubt::Wrong && self.trial.is_some();
            if wrong || self.gave_up().is_some() {
                return false;
            }
        }
        true
    }

    /// Whether there is too much to follow.
    pub(super) fn gave_up(&self) -> Option<Bound> {
        let over = self.budget == 0 || self.world.image.work.is_over();
        self.full.then_some(Bound::Blocks).or(over.then_some(Bound::Instructions))
    }

    /// Addresses that instructions computed since the last time.
    pub(super) fn take_mentioned(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.walker.mentioned)
    }

    /// Whether an address lies in uncovered code that was not reached.
    pub(super) fn is_new(&self, address: u64) -> bool {
        self.world.image.gap(address).is_some() && matches!(self.known(address), Known::Nothing)
    }

    /// The role of an address.
    pub(super) fn known(&self, address: u64) -> Known {
        if let Some(block) = self.blocks.get(&address) {
            return Known::Before(Box::new(block.state.state()));
        }
        let around = self.blocks.range(..address).next_back();
        let Some((&start, block)) = around.filter(|(_, block)| address < block.end) else {
            return Known::Nothing;
        };
        let mut walker = Walker::new(self.world);
        match walker.walk(start, &block.state.state(), |_| Some(address), |_, _| {}).exits.pop() {
            Some(exit) if exit.way.falls() && exit.target == address => {
                Known::Before(Box::new(exit.state))
            }
            _ => Known::Amid,
        }
    }

    fn follow_block(&mut self, start: u64) -> Doubt {
        let Some(walked) = self.walk(start) else { return Doubt::None };
        let mut doubt = self.trial.as_ref().map_or(Doubt::None, |trial| trial.judge(&walked));
        for exit in walked.exits {
            doubt = doubt.max(self.reach(start, exit));
        }
        for (goal, state) in walked.calls {
            self.jump(Jump { goal, way: Way::Calls, state: Packed::new(&state) });
        }
        if let Ending::JumpsTo(goal) = walked.ending {
            self.jump(Jump { goal, way: Way::Jumps, state: Packed::new(&walked.last) });
        }
        if let Some(block) = self.blocks.get_mut(&start) {
            block.doubt = doubt;
        }
        doubt
    }

    /// Goes through a block.
    fn walk(&mut self, start: u64) -> Option<Walked> {
        let block = self.blocks.get(&start)?;
        let state = block.state.state();
        let below = self.trial.as_ref().map(|trial| &trial.below.blocks);
        let meets = |at| {
            let begins = [Some(&self.blocks), below].into_iter().flatten();
            begins.filter_map(|blocks| first_from(blocks, at)).min()
        };
        let walked = self.walker.walk(start, &state, meets, |_, _| {});
        // To follow a way costs more than an instruction.
        let exits = walked.exits.len() as u64;
        self.budget = self.budget.saturating_sub(walked.count + EXIT * exits);
        self.blocks.get_mut(&start)?.end = walked.end;
        Some(walked)
    }

    /// Follows a way out of the block that begins at `from`.
    fn reach(&mut self, from: u64, exit: Exit) -> Doubt {
        let Exit { way, target, mut state } = exit;
        if self.world.image.gap(target).is_none() {
            return Trial::judge_leaving(self.world.image, way, target, &state);
        }
        if way == Way::Calls {
            self.entries.insert(target);
            self.functions.insert(target);
        }
        // A way that falls into a function with its own frame in place comes from a call that does not return.
        if way.falls() && !state.may_return() && self.is_entry(target) {
            return Doubt::None;
        }
        if way == Way::Jumps && self.is_tail_call(from, target, &state) {
            state = state.at_tail_call();
        }
        if let Some(trial) = &self.trial {
            self.budget = self.budget.saturating_sub(Trial::LOOK);
            if let Some(doubt) = trial.compare(target, &state) {
                return doubt;
            }
        }
        if way == Way::Returns && self.hold(target, &state) {
            return Doubt::None;
        }
        self.merge(target, state);
        Doubt::None
    }

    /// Whether a jump leaves a function for another one's begin, where the return address is on top of the stack again. Where
    /// that is known to be elsewhere it does not.
    pub(super) fn is_tail_call(&self, from: u64, target: u64, state: &State) -> bool {
        let elsewhere = |flow: &Self| !flow.function(from).contains(&target);
        let moved = state.height() != Some(8) && (state.may_return() || state.height().is_none());
        moved
            && self.is_entry(target)
            && elsewhere(self)
            && self.trial.as_ref().is_none_or(|trial| elsewhere(trial.below))
    }

    pub(super) fn is_entry(&self, address: u64) -> bool {
        let below = self.trial.as_ref().is_some_and(|trial| trial.below.is_entry(address));
        below || self.entries.contains(&address)
    }

    /// Adds what is known at a block's begin.
    pub(super) fn merge(&mut self, target: u64, state: State) {
        let Some(block) = self.blocks.get_mut(&target) else {
            return self.add(target, &state);
        };
        let mut known = block.state.state();
        let height = known.height();
        block.heights_differ |= height.is_some() && state.height() != height;
        if known.merge(&state, self.world.labels) {
            block.state = Packed::new(&known);
            self.queue.insert(target);
        }
    }

    /// Adds a block. One that it lies in is followed again: it ends here now.
    fn add(&mut self, target: u64, state: &State) {
        if self.blocks.len() >= self.most_blocks {
            self.full = true;
            return;
        }
        let around = self.blocks.range(..target).next_back();
        let around = around.filter(|(_, block)| target < block.end).map(|(&start, _)| start);
        self.queue.extend(around);
        self.queue.insert(target);
        let (state, doubt) = (Packed::new(state), Doubt::None);
        self.blocks.insert(target, Block { state, end: target, heights_differ: false, doubt });
    }

    fn jump(&mut self, jump: Jump) {
        for target in self.jumps.meet(&jump) {
            self.jump_to(target, jump.state.state());
        }
    }
}

/// Blocks that code of this size has at most.
fn most_blocks(image: &Image<'_>) -> usize {
    let by_size = image.uncovered() / BLOCK + LEAST_BLOCKS;
    usize::try_from(by_size.min(MOST_BLOCKS)).unwrap_or(usize::MAX)
}

/// The first block that begins at an address or behind it.
pub(super) fn first_from(blocks: &Blocks, address: u64) -> Option<u64> {
    blocks.range(address..).next().map(|(&start, _)| start)
}

//! Trials of possible entries: the code from such an address is followed separately, and compared with the rest.

use super::flow::{Flow, Known};
use super::image::Image;
use super::state::State;
use super::walk::{Ending, Walked, Way};

/// Instructions that a trial follows at most.
const LONGEST: u64 = 8_000;

/// The doubt about an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// Nothing.
    #[default]
    None,
    /// A height, as it is known until now.
    Height,
    /// The bytes: whatever else is found, this is no entry.
    Wrong,
}

/// The code that a trial is compared with.
pub(super) struct Trial<'a> {
    /// The code that was followed before.
    pub(super) below: &'a Flow<'a>,
    /// Whether ways with different heights may meet: some functions give back their frame in a loop.
    pub(super) lenient: bool,
}

impl Trial<'_> {
    /// The cost of looking up the state at an address, in instructions.
    pub(super) const LOOK: u64 = 32;

    /// The doubt about the entry from a block.
    pub(super) fn judge(&self, walked: &Walked) -> Doubt {
        let height = walked.last.height();
        match walked.ending {
            Ending::Undecodable | Ending::RunsOut => Doubt::Wrong,
            Ending::Stops if walked.count == 1 => Doubt::Wrong,
            _ if walked.overlaps.is_some() => Doubt::Wrong,
            _ if height.is_some_and(|height| height < 8) => Doubt::Height,
            Ending::Returns { .. } if walked.last.may_return() => Doubt::None,
            Ending::Returns { .. } if height.is_none() && self.lenient => Doubt::None,
            Ending::Returns { .. } => Doubt::Height,
            Ending::Stops | Ending::Goes | Ending::JumpsTo(_) => Doubt::None,
        }
    }

    /// The doubt about the entry from a way into code that was followed before; `None` if the way does not lead there.
    pub(super) fn compare(&self, target: u64, state: &State) -> Option<Doubt> {
        match self.below.known(target) {
            Known::Nothing => None,
            Known::Amid => Some(Doubt::Wrong),
            Known::Before(known) if known.stack_pointer() == state.stack_pointer() => {
                Some(Doubt::None)
            }
            Known::Before(_) => Some(Doubt::Height),
        }
    }

    /// The doubt about the entry from a way out of uncovered code: such a way leads only to other functions.
    pub(super) fn judge_leaving(image: &Image<'_>, way: Way, target: u64, state: &State) -> Doubt {
        let function = image.covered_at(target).is_some_and(|range| range.start == target);
        let there = function || image.plt_at(target).is_some();
        match way {
            Way::Calls if there || image.is_code(target) => Doubt::None,
            Way::Jumps if there && state.may_return() => Doubt::None,
            Way::Jumps if there => Doubt::Height,
            _ => Doubt::Wrong,
        }
    }
}

impl Flow<'_> {
    /// Follows the code from an address, to the limit of a trial, and accepts it if there is no doubt. Returns the number of instructions
    /// and whether it was accepted.
    pub(super) fn try_out(
        &mut self,
        target: u64,
        state: &State,
        lenient: bool,
        budget: u64,
    ) -> (u64, bool) {
        let budget = budget.min(LONGEST);
        let mut flow = Flow::on_trial(Trial { below: &*self, lenient }, budget);
        let good = flow.jump_to(target, state.clone()) == Doubt::None
            && (flow.run() || budget == LONGEST && flow.budget == 0)
            && flow
                .blocks
                .values()
                .all(|block| block.doubt == Doubt::None && (lenient || !block.heights_differ));
        let spent = budget - flow.budget;
        if good {
            self.jump_to(target, state.clone());
        }
        (spent, good)
    }
}

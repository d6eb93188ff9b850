//! Calls that never return. Often only the code after the call shows it.
//!
//! If the way after a call still has a frame and meets another way without a frame, one of the two does not exist. The code that
//! follows decides: if it returns, the way from the call would not have given back its frame.

use super::flow::{Flow, first_from};
use super::state::{State, Value};
use super::walk::{Ending, Exit, Walked, Way};
use crate::instruction::RBP;
use std::collections::{BTreeMap, HashSet};

/// The most held ways.
const MOST: usize = 256;
/// The most blocks that are examined after such a way.
const MOST_BLOCKS: usize = 128;
/// The most instructions that are examined after all of them.
const EFFORT: u64 = 100_000;

/// Ways that are not gone, by where they lead: a frame and none would meet there.
#[derive(Default)]
pub(super) struct Held {
    ways: BTreeMap<u64, State>,
    /// Instructions that were looked at.
    looked: u64,
}

/// The verdict of a block on the way that leads to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// The function ends there, and its caller's frame pointer is in place.
    For,
    /// Not at all.
    Not,
    /// It may be a way within a frame.
    Against,
}

impl Flow<'_> {
    /// Holds a way on behind a call where it would meet one without a frame. Whether it is held.
    pub(super) fn hold(&mut self, target: u64, state: &State) -> bool {
        let room = self.held.ways.len() < MOST || self.held.ways.contains_key(&target);
        let held =
            room && self.trial.is_none() && state.has_frame_pointer() && self.is_frameless(target);
        if held {
            self.held.ways.insert(target, state.clone());
        }
        held
    }

    /// Goes the ways that turn out to be some. Whether there were any.
    pub(super) fn let_go(&mut self) -> bool {
        let mut any = false;
        for (target, state) in std::mem::take(&mut self.held.ways) {
            if self.is_frameless(target) && self.ends_without_frame(target) {
                self.held.ways.insert(target, state);
            } else {
                self.merge(target, state);
                any = true;
            }
        }
        any
    }

    /// Whether, at the start of a block, the frame pointer is the caller's and the return address is on top of the stack.
    fn is_frameless(&self, block: u64) -> bool {
        let known = self.blocks.get(&block).map(|block| block.state.state());
        known.is_some_and(|known| known.may_return() && known.register(RBP) == Value::Entry(RBP))
    }

    /// Whether all ways from a block on leave the function with the caller's frame pointer in place, if they leave it.
    fn ends_without_frame(&mut self, start: u64) -> bool {
        let (mut seen, mut ways, mut ends) = (HashSet::from([start]), vec![start], false);
        while let Some(at) = ways.pop() {
            let Some(walked) = self.look(at).filter(|_| seen.len() <= MOST_BLOCKS) else {
                return false;
            };
            match self.speaks(at, &walked) {
                Speaks::For => ends = true,
                Speaks::Not => {}
                Speaks::Against => return false,
            }
            let next = walked.exits.iter().filter(|exit| exit.way != Way::Calls);
            let next = next.filter(|exit| !self.leaves(at, exit)).map(|exit| exit.target);
            ways.extend(next.filter(|&next| seen.insert(next)));
        }
        ends
    }

    /// Goes through a block that was followed.
    fn look(&mut self, start: u64) -> Option<Walked> {
        let Self { blocks, walker, held, .. } = self;
        let state = blocks.get(&start).filter(|_| held.looked < EFFORT)?.state.state();
        let walked = walker.walk(start, &state, |at| first_from(blocks, at), |_, _| {});
        held.looked += walked.count.max(1);
        Some(walked)
    }

    /// The verdict of a block, from all ways that leave the function.
    fn speaks(&self, start: u64, walked: &Walked) -> Speaks {
        let leaving = walked.exits.iter().filter(|exit| self.leaves(start, exit));
        let mut ends: Vec<&State> = leaving.map(|exit| &exit.state).collect();
        match walked.ending {
            Ending::Returns { .. } | Ending::JumpsTo(_) => ends.push(&walked.last),
            Ending::Undecodable | Ending::RunsOut => return Speaks::Against,
            Ending::Goes | Ending::Stops => {}
        }
        let whole = |state: &&State| {
            let height = state.may_return() || state.height().is_none();
            height && state.register(RBP) == Value::Entry(RBP)
        };
        match ends.iter().all(whole) {
            false => Speaks::Against,
            true if ends.is_empty() => Speaks::Not,
            true => Speaks::For,
        }
    }

    /// Whether a way leaves the function.
    fn leaves(&self, from: u64, exit: &Exit) -> bool {
        let inside = self.world.image.gap(exit.target).is_some();
        let jumps = exit.way == Way::Jumps && !self.function(from).contains(&exit.target);
        exit.way != Way::Calls && (!inside || jumps && self.is_entry(exit.target))
    }
}

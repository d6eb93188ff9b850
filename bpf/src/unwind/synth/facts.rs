//! What each block is, once nothing changes any more.

use super::flow::{Flow, first_from};
use super::rule_of::{base_of, rule_of};
use super::state::{KEPT_BY_CALLEES, RSP, State, Value};
use super::step::written;
use super::walk::{Ending, Goal, Walked, Walker, Way};
use crate::unwind::rule::Rule;
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a block is.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Blocks that follow it.
    pub(super) goes_to: Vec<u64>,
    /// What it calls.
    pub(super) calls: Vec<u64>,
    /// General registers that it writes, a bit each.
    pub(super) writes: u16,
    /// Registers that are the caller's, and have another value where it leaves the function.
    pub(super) not_restored: u16,
    /// It goes where only the program knows: another function, or the target of an indirect jump or call.
    pub(super) leaves: bool,
    /// Registers that the rules at its calls within uncovered code build on, a bit each.
    pub(super) wants: u16,
    /// It returns and takes arguments off the stack.
    pub(super) takes_arguments: bool,
    /// It returns with another height than at the entry.
    pub(super) unbalanced: bool,
    /// It jumps, within a frame, to where only the program knows.
    pub(super) jumps_unknown: bool,
    /// It ends at bytes that are no instruction.
    pub(super) undecodable: bool,
    /// Ways with different heights lead to it.
    pub(super) heights_differ: bool,
    /// Instructions at which nothing tells the frame.
    pub(super) frame_lost: u64,
    /// Rules of its instructions; neighbours differ.
    pub(super) rules: Vec<(Range<u64>, Rule)>,
}

/// All code that was followed.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// By a block's begin.
    pub(super) facts: BTreeMap<u64, Facts>,
    /// Possible entries that were none.
    pub(super) refused: u64,
    /// There was too much to follow.
    pub(super) gave_up: bool,
}

impl Findings {
    /// Whether uncovered code calls uncovered code.
    pub(super) fn calls_within(&self) -> bool {
        self.facts
            .values()
            .any(|facts| facts.calls.iter().any(|call| self.facts.contains_key(call)))
    }
}

/// Goes through all blocks of a flow once more.
pub(super) fn gather(flow: &Flow<'_>) -> BTreeMap<u64, Facts> {
    let mut gatherer =
        Gatherer { flow, walker: Walker::new(flow.world), infos: InstructionInfoFactory::new() };
    let starts = flow.blocks.iter();
    starts
        .map(|(&start, block)| (start, gatherer.block(start, &block.state, block.heights_differ)))
        .collect()
}

struct Gatherer<'f, 'a> {
    flow: &'f Flow<'a>,
    walker: Walker<'a>,
    infos: InstructionInfoFactory,
}

impl Gatherer<'_, '_> {
    fn block(&mut self, start: u64, state: &State, heights_differ: bool) -> Facts {
        let mut facts = Facts { heights_differ, ..Facts::default() };
        let infos = &mut self.infos;
        let flow = self.flow;
        let meets = |at| first_from(&flow.blocks, at);
        let walked = self.walker.walk(start, state, meets, |instruction, state| {
            let registers = written(infos.info(instruction));
            facts.writes |= registers.fold(0, |all, register| all | 1 << register);
            facts.leaves |= instruction.flow_control() == FlowControl::IndirectCall;
            let rule = rule_of(state, flow.world.calls.wanted(instruction.ip()));
            let within = flow.world.image.gap(instruction.near_branch_target()).is_some();
            let rule = rule.filter(|rule| may_stand(&mut facts, instruction, within, rule));
            add_rule(&mut facts, instruction, rule);
        });
        for exit in &walked.exits {
            match exit.way {
                Way::Calls => facts.calls.push(exit.target),
                _ if self.flow.blocks.contains_key(&exit.target) => facts.goes_to.push(exit.target),
                _ => leave(&mut facts, &exit.state),
            }
        }
        for (goal, _) in &walked.calls {
            facts.calls.extend(self.flow.jumps.targets(goal.at));
        }
        self.end(&mut facts, &walked);
        facts
    }

    fn end(&self, facts: &mut Facts, walked: &Walked) {
        let height = walked.last.height();
        match walked.ending {
            Ending::Returns { takes } => {
                facts.takes_arguments = takes > 0;
                facts.unbalanced = height.is_some_and(|height| height != 8);
                facts.not_restored |= not_restored(&walked.last);
            }
            Ending::JumpsTo(Goal { at, value, .. }) => {
                let targets = self.flow.jumps.targets(at);
                facts.goes_to.extend(&targets);
                facts.jumps_unknown = targets.is_empty() && height != Some(8);
                if targets.is_empty() || !matches!(value, Value::Target { .. }) {
                    leave(facts, &walked.last);
                }
            }
            Ending::Undecodable => facts.undecodable = true,
            Ending::Goes | Ending::Stops | Ending::RunsOut => {}
        }
    }
}

fn leave(facts: &mut Facts, state: &State) {
    facts.leaves = true;
    facts.not_restored |= not_restored(state);
}

fn not_restored(state: &State) -> u16 {
    let theirs =
        (0..16).filter(|register| KEPT_BY_CALLEES >> register & 1 == 1 && *register != RSP);
    let changed = theirs.filter(|&register| state.register(register) != Value::Entry(register));
    changed.fold(0, |all, register| all | 1 << register)
}

/// Whether a rule may stand at an instruction. At a call it is also the rule of the callee's caller, where only the stack pointer
/// and saved registers are known, and what callees in uncovered code leave alone because it is wanted.
fn may_stand(facts: &mut Facts, instruction: &Instruction, within: bool, rule: &Rule) -> bool {
    let direct = instruction.flow_control() == FlowControl::Call;
    if !direct && instruction.flow_control() != FlowControl::IndirectCall {
        return true;
    }
    let base = base_of(rule);
    if direct && within {
        facts.wants |= 1 << base;
        return true;
    }
    KEPT_BY_CALLEES >> base & 1 == 1
}

fn add_rule(facts: &mut Facts, instruction: &Instruction, rule: Option<Rule>) {
    let Some(rule) = rule else {
        facts.frame_lost += 1;
        return;
    };
    let (start, end) = (instruction.ip(), instruction.next_ip());
    match facts.rules.last_mut() {
        Some((range, last)) if range.end == start && *last == rule => range.end = end,
        _ => facts.rules.push((start..end, rule)),
    }
}

//! The facts about each block, after the fixpoint is reached.

use super::Bound;
use super::flow::{Block, Flow};
use super::rule_of::{base_of, rule_of};
use super::state::{KEPT_BY_CALLEES, State, Value};
use super::walk::{Ending, Goal, Walked, Walker, Way};
use crate::instruction::{RSP, written};
use crate::rule::{Cfa, Rule};
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory};
use std::collections::BTreeMap;
use std::ops::Range;

/// The most bytes of arguments that a return pops.
const MOST_ARGUMENTS: u32 = 1024;

/// Rules of all code, at most.
const MOST_RULES: usize = 500_000;

/// The facts about a block.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Blocks that follow it.
    pub(super) goes_to: Vec<u64>,
    /// Its callees.
    pub(super) calls: Vec<u64>,
    /// General registers that it writes, a bit each.
    pub(super) writes: u16,
    /// Registers that are the caller's, and have another value where it returns.
    pub(super) not_restored: u16,
    /// It goes where only the program knows: another function, or the target of an indirect jump or call.
    pub(super) leaves: bool,
    /// Registers that the rules at its calls within uncovered code build on, a bit each.
    pub(super) wants: u16,
    /// It returns and pops arguments.
    pub(super) takes_arguments: bool,
    /// It ends in a jump to where only the program knows.
    pub(super) jumps_away: bool,
    /// It returns with another height than at the entry.
    pub(super) unbalanced: bool,
    /// It jumps, within a frame, to where only the program knows.
    pub(super) jumps_unknown: bool,
    /// It ends at bytes that are no instruction.
    pub(super) undecodable: bool,
    /// Ways with different heights lead to it.
    pub(super) heights_differ: bool,
    /// Instructions at which the frame is unknown.
    pub(super) frame_lost: u64,
    /// Rules of its instructions; neighbours differ.
    pub(super) rules: Vec<(Range<u64>, Rule)>,
}

/// All code that was followed.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The facts by the block's begin.
    pub(super) facts: BTreeMap<u64, Facts>,
    /// Possible entries that were none.
    pub(super) refused: u64,
    /// Possible entries that were not tried.
    pub(super) untried: u64,
    /// There was too much to follow.
    pub(super) gave_up: Option<Bound>,
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
pub(super) fn gather(mut flow: Flow<'_>) -> Findings {
    let mut blocks = std::mem::take(&mut flow.blocks);
    let starts: Vec<u64> = blocks.keys().copied().collect();
    let mut gatherer =
        Gatherer { walker: Walker::new(flow.world), infos: InstructionInfoFactory::new(), flow };
    let mut findings = Findings::default();
    let mut rules = 0;
    while let Some((start, block)) = blocks.pop_last() {
        let found = gatherer.block(start, &block, &starts);
        rules += found.rules.len();
        if rules > MOST_RULES {
            return Findings { gave_up: Some(Bound::Rules), ..Findings::default() };
        }
        findings.facts.insert(start, found);
    }
    findings
}

struct Gatherer<'a> {
    flow: Flow<'a>,
    walker: Walker<'a>,
    infos: InstructionInfoFactory,
}

impl Gatherer<'_> {
    fn block(&mut self, start: u64, block: &Block, starts: &[u64]) -> Facts {
        let mut facts = Facts { heights_differ: block.heights_differ, ..Facts::default() };
        let infos = &mut self.infos;
        let world = self.flow.world;
        let meets = |at| starts.get(starts.partition_point(|&start| start < at)).copied();
        let walked = self.walker.walk(start, &block.state.state(), meets, |instruction, state| {
            let registers = written(infos.info(instruction));
            facts.writes |= registers.fold(0, |all, register| all | 1 << register);
            facts.leaves |= instruction.flow_control() == FlowControl::IndirectCall;
            let rule = rule_of(state, world.calls.wanted(instruction.ip()));
            let within = world.image.gap(instruction.near_branch_target()).is_some();
            let rule = rule.filter(|rule| may_stand(&mut facts, instruction, within, rule));
            add_rule(&mut facts, instruction, rule);
        });
        for exit in &walked.exits {
            let tail_call =
                exit.way == Way::Jumps && self.flow.is_tail_call(start, exit.target, &exit.state);
            facts.not_restored |= if tail_call { not_restored(&exit.state) } else { 0 };
            match exit.way {
                Way::Calls => facts.calls.push(exit.target),
                _ if starts.binary_search(&exit.target).is_ok() => facts.goes_to.push(exit.target),
                _ => facts.leaves = true,
            }
        }
        for (goal, _) in &walked.calls {
            facts.calls.extend(self.flow.jumps.targets(goal.at));
        }
        self.end(&mut facts, &walked);
        facts
    }

    fn end(&self, facts: &mut Facts, walked: &Walked) {
        let state = &walked.last;
        match walked.ending {
            Ending::Returns { takes } => {
                let moved = state.may_return() && state.height() != Some(8);
                let takes = takes % 8 == 0 && (1..=MOST_ARGUMENTS).contains(&takes);
                facts.takes_arguments = takes || moved;
                facts.unbalanced = state.height().is_some() && !state.may_return();
                facts.not_restored |= not_restored(state);
            }
            Ending::JumpsTo(Goal { at, value, .. }) => {
                let targets = self.flow.jumps.targets(at);
                facts.goes_to.extend(&targets);
                facts.jumps_away = targets.is_empty();
                facts.jumps_unknown = targets.is_empty() && !state.may_return();
                facts.leaves |= targets.is_empty() || !matches!(value, Value::Target { .. });
            }
            Ending::Undecodable => facts.undecodable = true,
            Ending::Goes | Ending::Stops | Ending::RunsOut => {}
        }
    }
}

fn not_restored(state: &State) -> u16 {
    let theirs =
        (0..16).filter(|register| KEPT_BY_CALLEES >> register & 1 == 1 && *register != RSP);
    let changed = theirs.filter(|&register| state.register(register) != Value::Entry(register));
    changed.fold(0, |all, register| all | 1 << register)
}

/// Whether an instruction may have a rule. At a call, it is also the rule for the return address. There, only the stack pointer, the
/// saved registers, and the needed registers that callees in uncovered code keep are known.
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
    facts.frame_lost += u64::from(rule.is_none_or(|rule| rule.cfa == Cfa::Guessed));
    let Some(rule) = rule else { return };
    let (start, end) = (instruction.ip(), instruction.next_ip());
    match facts.rules.last_mut() {
        Some((range, last)) if range.end == start && *last == rule => range.end = end,
        _ => facts.rules.push((start..end, rule)),
    }
}

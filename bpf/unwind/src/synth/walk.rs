//! From one instruction to the next, until the way ends or meets another.

use super::calls::{Callee, Calls};
use super::image::Image;
use super::labels::Labels;
use super::state::{State, Value};
use super::step::Stepper;
use crate::instruction::{RSP, number};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};

/// Ways that leave a block before its end, at most.
const MOST_EXITS: usize = 32;
/// Instructions of a block, at most.
const LONGEST: u64 = 256;

/// Addresses that are kept until they are asked for.
const MOST_MENTIONED: usize = 1 << 18;

/// The kind of a way from one block to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Into the next instruction.
    Falls,
    /// The same, behind a call: if that returns.
    Returns,
    /// By a jump.
    Jumps,
    /// Into a callee, at its entry.
    Calls,
}

impl Way {
    /// Whether it goes into the next instruction.
    pub(super) fn falls(self) -> bool {
        matches!(self, Self::Falls | Self::Returns)
    }
}

/// The target of a way, and the state there.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    pub(super) way: Way,
    pub(super) target: u64,
    pub(super) state: State,
}

/// The end of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It meets another block, or is cut; or it ends in a direct jump.
    Goes,
    /// It returns and pops this many bytes of arguments.
    Returns { takes: u32 },
    /// It jumps to what a register or a word in memory holds.
    JumpsTo(Goal),
    /// A trap.
    Stops,
    /// The bytes are no instruction.
    Undecodable,
    /// It runs into covered code or out of the code.
    RunsOut,
}

/// The operand of an indirect jump or call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goal {
    /// The instruction, and the one behind it.
    pub(super) at: u64,
    pub(super) next: u64,
    /// The value of the register.
    pub(super) value: Value,
}

/// A block, followed from its begin.
#[derive(Clone, Debug)]
pub(super) struct Walked {
    /// One past its last instruction.
    pub(super) end: u64,
    pub(super) exits: Vec<Exit>,
    /// Indirect calls whose targets may be known, and the state at the targets.
    pub(super) calls: Vec<(Goal, State)>,
    pub(super) ending: Ending,
    /// The state before its last instruction.
    pub(super) last: State,
    /// The way after its last instruction, if there is one.
    way: Way,
    /// Instructions.
    pub(super) count: u64,
    /// Another block that begins within one of the instructions.
    pub(super) overlaps: Option<u64>,
}

impl Walked {
    /// Whether it ends here though it need not: it is long, or jumps over a call that may never return.
    fn is_cut(&self) -> bool {
        let jumped_to = || self.exits.iter().any(|exit| exit.target == self.end);
        self.exits.len() >= MOST_EXITS
            || self.count >= LONGEST
            || self.way == Way::Returns && jumped_to()
    }
}

/// The inputs for following code.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub(super) image: &'a Image<'a>,
    pub(super) calls: &'a Calls,
    pub(super) labels: &'a Labels<'a>,
}

/// Follows blocks.
pub(super) struct Walker<'a> {
    image: &'a Image<'a>,
    calls: &'a Calls,
    labels: &'a Labels<'a>,
    stepper: Stepper<'a>,
    /// Addresses in the file that instructions on the way compute.
    pub(super) mentioned: Vec<u64>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(world: World<'a>) -> Self {
        let World { image, calls, labels } = world;
        Self { image, calls, labels, stepper: Stepper::new(image), mentioned: Vec::new() }
    }

    /// Follows the code of a gap from `start` up to another block. `meets` returns the first block at or after an address.
    pub(super) fn walk(
        &mut self,
        start: u64,
        state: &State,
        meets: impl Fn(u64) -> Option<u64>,
        mut visit: impl FnMut(&Instruction, &State),
    ) -> Walked {
        let gap_end = self.image.gap(start).map_or(start, |gap| gap.end);
        let code = self.image.code_from(start);
        let len = usize::try_from(gap_end - start).unwrap_or(usize::MAX).min(code.len());
        let mut decoder = Decoder::with_ip(64, &code[..len], start, DecoderOptions::NONE);
        let mut meet = meets(start + 1);
        let mut instruction = Instruction::default();
        let mut walked = Walked {
            end: start,
            exits: Vec::new(),
            calls: Vec::new(),
            ending: Ending::RunsOut,
            last: state.clone(),
            way: Way::Falls,
            count: 0,
            overlaps: None,
        };
        let mut state = state.clone();
        while decoder.can_decode() {
            if meet.is_some_and(|meet| meet < walked.end) {
                walked.overlaps = meet;
                meet = meets(walked.end);
            }
            if walked.count > 0 && (walked.is_cut() || meet == Some(walked.end)) {
                walked.exits.push(Exit { way: walked.way, target: walked.end, state });
                walked.ending = Ending::Goes;
                return walked;
            }
            decoder.decode_out(&mut instruction);
            self.image.work.step();
            if instruction.is_invalid() {
                walked.ending = Ending::Undecodable;
                return walked;
            }
            visit(&instruction, &state);
            walked.count += 1;
            walked.end = instruction.next_ip();
            if let Some(ending) = self.follow(&instruction, &mut state, &mut walked) {
                walked.ending = ending;
                walked.last = state;
                return walked;
            }
        }
        walked.last = state;
        walked
    }

    /// Applies an instruction; how the block ends, if it does.
    fn follow(
        &mut self,
        instruction: &Instruction,
        state: &mut State,
        walked: &mut Walked,
    ) -> Option<Ending> {
        let computes =
            instruction.mnemonic() == Mnemonic::Lea && instruction.is_ip_rel_memory_operand();
        if computes && self.mentioned.len() < MOST_MENTIONED {
            self.mentioned.push(instruction.ip_rel_memory_address());
        }
        walked.way = Way::Falls;
        let exit = |way, state: &State| Exit {
            way,
            target: instruction.near_branch_target(),
            state: state.clone(),
        };
        match instruction.flow_control() {
            FlowControl::Return => {
                let takes = if instruction.op_count() > 0 { instruction.immediate32() } else { 0 };
                return Some(Ending::Returns { takes });
            }
            FlowControl::UnconditionalBranch => {
                walked.exits.push(exit(Way::Jumps, state));
                return Some(Ending::Goes);
            }
            FlowControl::ConditionalBranch => walked.exits.push(exit(Way::Jumps, state)),
            FlowControl::IndirectBranch => return Some(self.jumps_to(instruction, state, walked)),
            FlowControl::Exception => return Some(Ending::Stops),
            FlowControl::Interrupt if instruction.mnemonic() != Mnemonic::Int => {
                return Some(Ending::Stops);
            }
            FlowControl::Call if is_near(instruction) => {
                walked.way = Way::Returns;
                self.call(instruction, state, walked);
            }
            FlowControl::IndirectCall => {
                walked.way = Way::Returns;
                self.call_to(instruction, state, walked);
            }
            _ if instruction.mnemonic() == Mnemonic::Hlt => return Some(Ending::Stops),
            _ => {
                if is_near(instruction) {
                    walked.exits.push(exit(Way::Jumps, state));
                }
                self.stepper.step(state, instruction);
            }
        }
        None
    }

    fn call(&self, instruction: &Instruction, state: &mut State, walked: &mut Walked) {
        let target = instruction.near_branch_target();
        if target == instruction.next_ip() {
            // The way to read the instruction pointer: nothing returns.
            let rsp = state.stack_pointer().plus(-8);
            state.set(RSP, rsp);
            state.store(rsp, 8, Value::Unknown);
            return;
        }
        walked.exits.push(Exit { way: Way::Calls, target, state: self.at_callee(state) });
        let within = self.image.gap(target).is_some();
        let callee = if within { self.calls.callee(target) } else { Calls::BY_ABI };
        self.after_call(instruction, state, callee);
    }

    /// An indirect call.
    fn call_to(&self, instruction: &Instruction, state: &mut State, walked: &mut Walked) {
        let goal = goal(instruction, state);
        if self.labels.has(goal.value) || matches!(goal.value, Value::Target { .. }) {
            walked.calls.push((goal, self.at_callee(state)));
        }
        self.after_call(instruction, state, self.calls.unknown());
    }

    fn after_call(&self, instruction: &Instruction, state: &mut State, callee: Callee) {
        state.call(callee.writes);
        if let Some(at) = self.image.offset(instruction.ip()).filter(|_| callee.takes_arguments) {
            let rsp = state.make_frame(at);
            state.set(RSP, rsp);
        }
    }

    /// The state at the begin of a callee.
    fn at_callee(&self, caller: &State) -> State {
        let mut entry = self.calls.at_entry();
        entry.take_labels(caller, self.labels);
        entry
    }

    /// A linkage table's stub goes on behind its jump when it is run for the first time.
    fn jumps_to(&self, instruction: &Instruction, state: &State, walked: &mut Walked) -> Ending {
        let next = instruction.next_ip();
        if self.image.plt_at(instruction.ip()).is_some_and(|plt| plt.contains(&next)) {
            walked.exits.push(Exit { way: Way::Falls, target: next, state: state.clone() });
        }
        Ending::JumpsTo(goal(instruction, state))
    }
}

fn goal(instruction: &Instruction, state: &State) -> Goal {
    let register = match instruction.op0_kind() {
        OpKind::Register => number(instruction.op0_register()),
        _ => None,
    };
    let value = register.map_or(Value::Unknown, |register| state.register(register));
    Goal { at: instruction.ip(), next: instruction.next_ip(), value }
}

fn is_near(instruction: &Instruction) -> bool {
    instruction.op0_kind() == OpKind::NearBranch64
}

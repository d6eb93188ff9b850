//! V8's built-in functions. They come out of V8's own compiler: each begins without a frame, sets one up with a frame pointer where it needs
//! one, and gives it up before it returns. So the state of the frame is followed along the instructions, without what registers hold.
//! Where ways with different states meet, there is no rule.

use super::rules::{bare, framed};
use crate::instruction::{RBP, RSP, displacement, written};
use crate::table::Source;
use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
    OpKind, Register,
};
use std::ops::Range;

/// The alignment of the functions, and what is between them.
const ALIGNMENT: u64 = 64;
const PADDING: u8 = 0xcc;
/// The most bytes of code that are followed.
const MOST_BYTES: usize = 8 << 20;
/// The highest frame without a frame pointer.
const MOST_HEIGHT: i16 = 0x3f8;

/// The state before an instruction: the bytes from the stack pointer to the caller's, or one of these.
type State = i16;
const UNKNOWN: State = 0;
const FRAMED: State = -1;
/// Ways with different states lead here.
const DIFFERS: State = -2;
/// At a function's begin, the return address is on top of the stack.
const ENTERED: State = 8;

/// Adds rules for the built-in functions in a stretch of code: bytes and virtual address.
pub(super) fn add_to(source: &mut Source, (bytes, address): (&[u8], u64)) {
    let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
    if address.checked_add(bytes.len() as u64 + 16).is_none() {
        return;
    }
    let mut flow = Flow {
        bytes,
        address,
        states: vec![UNKNOWN; bytes.len()],
        lengths: vec![0; bytes.len()],
        ways: Vec::new(),
        infos: InstructionInfoFactory::new(),
    };
    flow.enter_all();
    while let Some(at) = flow.ways.pop() {
        flow.follow(at);
    }
    flow.add_to(source);
}

struct Flow<'a> {
    bytes: &'a [u8],
    address: u64,
    /// The state before each instruction, by its index.
    states: Vec<State>,
    /// The length of each instruction that was followed.
    lengths: Vec<u8>,
    ways: Vec<usize>,
    infos: InstructionInfoFactory,
}

impl Flow<'_> {
    /// Functions begin behind padding.
    fn enter_all(&mut self) {
        let first = (self.address.next_multiple_of(ALIGNMENT) - self.address) as usize;
        for at in (first..self.bytes.len()).step_by(ALIGNMENT as usize) {
            if self.is_begin(at) {
                self.reach(at, ENTERED);
            }
        }
    }

    /// Whether a function begins here.
    fn is_begin(&self, at: usize) -> bool {
        if at >= self.bytes.len() {
            return false;
        }
        let aligned = (self.address + at as u64).is_multiple_of(ALIGNMENT);
        aligned && at > 0 && self.bytes[at - 1] == PADDING && self.bytes[at] != PADDING
    }

    /// A way leads to an instruction.
    fn reach(&mut self, at: usize, state: State) {
        // A tail call has put the return address on top, wherever it was.
        let state = if state != FRAMED && self.is_begin(at) { ENTERED } else { state };
        let Some(known) = self.states.get_mut(at) else { return };
        let next = match *known {
            _ if state == UNKNOWN => return,
            UNKNOWN => state,
            same if same == state || same == DIFFERS => return,
            _ => DIFFERS,
        };
        *known = next;
        self.ways.push(at);
    }

    /// Follows the instructions from one on, up to where no way leads on or the state is known.
    fn follow(&mut self, from: usize) {
        let (mut at, mut state) = (from, self.states[from]);
        loop {
            let mut decoder = Decoder::with_ip(
                64,
                &self.bytes[at..self.bytes.len().min(at + 16)],
                self.address + at as u64,
                DecoderOptions::NONE,
            );
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return;
            }
            self.lengths[at] = instruction.len() as u8;
            let next = at + instruction.len();
            let flow = instruction.flow_control();
            if matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch)
                && let Some(target) = instruction.near_branch_target().checked_sub(self.address)
            {
                self.reach(usize::try_from(target).unwrap_or(usize::MAX), state);
            }
            state = match flow {
                FlowControl::Next => self.after(&instruction, state),
                FlowControl::ConditionalBranch => state,
                FlowControl::Call | FlowControl::IndirectCall => called(state),
                _ => return,
            };
            match self.states.get_mut(next) {
                Some(known @ &mut UNKNOWN) if state != UNKNOWN => *known = state,
                Some(known) if *known != state && *known != DIFFERS && state != UNKNOWN => {
                    *known = DIFFERS;
                    state = DIFFERS;
                }
                _ => return,
            }
            at = next;
        }
    }

    /// The state behind an instruction.
    fn after(&mut self, instruction: &Instruction, state: State) -> State {
        let of = instruction.op0_register();
        let sets_up = instruction.mnemonic() == Mnemonic::Mov
            && of == Register::RBP
            && instruction.op1_register() == Register::RSP;
        let given_up = instruction.mnemonic() == Mnemonic::Leave
            || instruction.code() == Code::Pop_r64 && of == Register::RBP;
        match state {
            FRAMED if given_up => ENTERED,
            // A frame within the frame.
            FRAMED if sets_up => UNKNOWN,
            FRAMED if self.writes(instruction, RBP) => UNKNOWN,
            FRAMED | DIFFERS => state,
            _ if sets_up && state == ENTERED + 8 => FRAMED,
            _ if self.writes(instruction, RBP) => UNKNOWN,
            _ => self.moved(instruction, state),
        }
    }

    /// The height behind an instruction.
    fn moved(&mut self, instruction: &Instruction, state: State) -> State {
        let increment = instruction.stack_pointer_increment();
        let by = match instruction.mnemonic() {
            Mnemonic::Add if instruction.op0_register() == Register::RSP => {
                instruction.try_immediate(1).ok().map(u64::cast_signed)
            }
            Mnemonic::Sub if instruction.op0_register() == Register::RSP => {
                instruction.try_immediate(1).ok().map(|bytes| bytes.cast_signed().wrapping_neg())
            }
            _ if increment != 0 => Some(increment.into()),
            _ if self.writes(instruction, RSP) || stores_at_return_address(instruction, state) => {
                None
            }
            _ => Some(0),
        };
        let height = by.and_then(|by| i64::from(state).checked_sub(by)?.try_into().ok());
        height.filter(|height| (ENTERED..=MOST_HEIGHT).contains(height)).unwrap_or(UNKNOWN)
    }

    fn writes(&mut self, instruction: &Instruction, register: u8) -> bool {
        written(self.infos.info(instruction)).any(|found| found == register)
    }

    fn add_to(&self, source: &mut Source) {
        let mut last: Option<(Range<u64>, State)> = None;
        let mut end = 0;
        for (at, (&state, &length)) in self.states.iter().zip(&self.lengths).enumerate() {
            // Two readings of the same bytes: neither holds.
            if length == 0 || at < end || state == UNKNOWN || state == DIFFERS {
                continue;
            }
            end = at + usize::from(length);
            let range = self.address + at as u64..self.address + end as u64;
            match &mut last {
                Some((known, same)) if known.end == range.start && *same == state => {
                    known.end = range.end
                }
                _ => {
                    if let Some((range, state)) = last.replace((range, state)) {
                        source.push(range, &rule(state));
                    }
                }
            }
        }
        if let Some((range, state)) = last {
            source.push(range, &rule(state));
        }
    }
}

/// Whether an instruction may overwrite the return address.
fn stores_at_return_address(instruction: &Instruction, state: State) -> bool {
    let stores =
        instruction.op0_kind() == OpKind::Memory && instruction.memory_base() == Register::RSP;
    stores
        && (instruction.memory_index() != Register::None
            || displacement(instruction) == i64::from(state) - 8)
}

/// The state behind a call. How many of its arguments it takes off the stack is not known.
fn called(state: State) -> State {
    if state == FRAMED || state == DIFFERS { state } else { UNKNOWN }
}

fn rule(state: State) -> crate::rule::Rule {
    if state == FRAMED { framed() } else { bare(state.into()) }
}

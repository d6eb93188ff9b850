//! Tail calls of V8's built-in functions. `mov rbp, [rbp]` gives the caller its frame pointer back, then the arguments of the next
//! function are put in place, and a jump follows. How high the stack is, the function's calls do not tell; but at the jump the return
//! address is on top.

use super::rules::{bare, guessed};
use crate::instruction::{displacement, written};
use crate::rule::Rule;
use crate::table::Source;
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, MemorySize,
    Mnemonic, OpKind, Register,
};

/// `mov rbp, [rbp]`.
const RESTORES: [u8; 4] = [0x48, 0x8b, 0x6d, 0x00];
/// The most instructions up to the jump.
const MOST: usize = 64;
/// The most tail calls of a file.
const MOST_TAILS: usize = 1 << 16;
/// The largest offset of the return address in bytes.
const MOST_OFFSET: i64 = 0x3ff;

/// Rules for the tail calls in these stretches of code.
pub(super) fn add_to(source: &mut Source, stretches: &[(&[u8], u64)]) {
    let mut left = MOST_TAILS;
    for (bytes, address) in stretches {
        let mut rest = 0;
        while let Some(found) = memchr(&bytes[rest..]).filter(|_| left > 0) {
            let at = rest + found + RESTORES.len();
            let Some(begin) = address.checked_add(at as u64) else { return };
            left -= 1;
            rest = at;
            let line = Line::of(&bytes[at..], begin);
            for (instruction, rule) in line.instructions.iter().zip(line.rules()) {
                source.push(instruction.ip()..instruction.next_ip(), &rule);
            }
        }
    }
}

/// The next place of the first instruction.
fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.windows(RESTORES.len()).position(|window| window == RESTORES)
}

/// The instructions up to the jump.
struct Line {
    instructions: Vec<Instruction>,
    /// Whether the line is understood: it ends with a jump, and nothing but one addition moves the stack pointer.
    whole: bool,
    /// The bytes that are given up before the jump.
    height: i64,
}

impl Line {
    fn of(bytes: &[u8], begin: u64) -> Self {
        let mut line = Self { instructions: Vec::new(), whole: false, height: 0 };
        let mut decoder = Decoder::with_ip(64, bytes, begin, DecoderOptions::NONE);
        let mut infos = InstructionInfoFactory::new();
        while line.instructions.len() < MOST && decoder.can_decode() {
            let instruction = decoder.decode();
            let flow = instruction.flow_control();
            let jumps =
                matches!(flow, FlowControl::UnconditionalBranch | FlowControl::IndirectBranch);
            if instruction.is_invalid() || !jumps && flow != FlowControl::Next {
                return line;
            }
            line.instructions.push(instruction);
            if jumps {
                line.whole = true;
                return line;
            }
            let moves = written(infos.info(&instruction))
                .any(|register| register == crate::instruction::RSP);
            let added = adds(&instruction).filter(|_| line.height == 0);
            match added {
                Some(bytes) => line.height = bytes,
                None if moves => return line,
                None => {}
            }
            if written(infos.info(&instruction)).any(|register| register == crate::instruction::RBP)
            {
                return line;
            }
        }
        line
    }

    /// The rule before each instruction. Where the line is not understood, the frame pointer is the caller's all the same.
    fn rules(&self) -> Vec<Rule> {
        let places = self.places().unwrap_or_else(|| vec![None; self.instructions.len()]);
        places.into_iter().map(|place| place.map_or_else(guessed, at)).collect()
    }

    /// The place of the return address before each instruction, from the stack pointer.
    fn places(&self) -> Option<Vec<Option<i64>>> {
        if !self.whole {
            return None;
        }
        let mut place = 0;
        let mut places = Vec::new();
        // From the jump backwards.
        let mut moved: Option<Register> = None;
        for (index, instruction) in self.instructions.iter().enumerate().rev() {
            if adds(instruction).is_some() {
                place += self.height;
            }
            if moved.is_none() && stores(instruction) == Some(place) {
                // The return address was moved here, from the place that this register was loaded from.
                moved = Some(instruction.op1_register());
                place = self.loaded(index, instruction.op1_register())?;
            }
            places.push(Some(place).filter(|place| (0..=MOST_OFFSET).contains(place)));
        }
        places.reverse();
        Some(places)
    }

    /// The place on the stack that a register was last loaded from before an instruction.
    fn loaded(&self, before: usize, register: Register) -> Option<i64> {
        let loads = self.instructions[..before]
            .iter()
            .rev()
            .find(|instruction| instruction.op0_register() == register)?;
        let from = loads.mnemonic() == Mnemonic::Mov && is_word_at_stack_pointer(loads, 1);
        from.then(|| displacement(loads))
    }
}

/// The bytes that an instruction adds to the stack pointer.
fn adds(instruction: &Instruction) -> Option<i64> {
    let of_stack =
        instruction.mnemonic() == Mnemonic::Add && instruction.op0_register() == Register::RSP;
    let bytes = of_stack.then(|| instruction.try_immediate(1).ok()).flatten()?.cast_signed();
    (bytes > 0).then_some(bytes)
}

/// The place on the stack in which an instruction stores a register.
fn stores(instruction: &Instruction) -> Option<i64> {
    let is_store =
        instruction.mnemonic() == Mnemonic::Mov && is_word_at_stack_pointer(instruction, 0);
    is_store.then(|| displacement(instruction))
}

fn is_word_at_stack_pointer(instruction: &Instruction, operand: u32) -> bool {
    instruction.op_kind(operand) == OpKind::Memory
        && instruction.memory_base() == Register::RSP
        && instruction.memory_index() == Register::None
        && matches!(instruction.memory_size(), MemorySize::UInt64 | MemorySize::Int64)
}

/// The return address is here, and the frame pointer is the caller's.
fn at(place: i64) -> Rule {
    bare(i32::try_from(place).unwrap_or_default().saturating_add(8))
}

//! Adapters. From the interpreter to compiled code: the return address is moved to an aligned stack pointer; the caller is the
//! interpreter, or what calls Java, and finds its frame by its frame pointer. From compiled code to the interpreter: the frame of
//! the caller is extended by the arguments, and the return address moved below them.

use super::blob::{Blob, UNKNOWN, height_rule};
use super::rows::Rows;
use super::sweep::{Follow, number, sweep};
use crate::rule::{Restore, ReturnAddress, Rule, RuleTrust};
use iced_x86::{Instruction, Mnemonic, Register};

/// The state before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Bytes from the stack pointer to the caller's.
    height: Option<i32>,
    /// The place of the return address, in bytes from the caller's stack pointer.
    ra: Option<i32>,
    /// Whether rax has the return address.
    holds: bool,
    /// Bytes from what r13 has to the caller's stack pointer.
    kept: Option<i32>,
}

const ENTRY: State = State { height: Some(8), ra: Some(-8), holds: false, kept: None };

/// The rules of both directions, one behind the other.
pub(super) fn rows(blob: &Blob<'_>) -> Rows {
    let mut adapter = Adapter::default();
    sweep(blob, 0, blob.code.len(), &mut adapter);
    adapter.0.shrunk()
}

#[derive(Debug, Default)]
struct Adapter(Rows);

impl Follow for Adapter {
    type State = State;

    fn usual(&self, _: usize) -> State {
        ENTRY
    }

    fn forced(&self, _: usize) -> Option<State> {
        None
    }

    fn row(&mut self, offset: usize, state: State) {
        self.0.push(offset, state.rule());
    }

    fn step(&mut self, state: State, instruction: &Instruction) -> State {
        state.step(instruction)
    }
}

impl State {
    fn rule(self) -> Rule {
        match (self.height, self.ra) {
            // It was just popped, and its word still holds it.
            (Some(0), Some(-8)) => {
                let ra = ReturnAddress::AtStackPointer(-8);
                Rule { ra, ..height_rule(0, Restore::Same, RuleTrust::Synthesised) }
            }
            (Some(height), Some(ra)) if height >= 8 => {
                let ra = ReturnAddress::AtCfa(ra);
                Rule { ra, ..height_rule(height, Restore::Same, RuleTrust::Synthesised) }
            }
            _ => UNKNOWN,
        }
    }

    /// Whether an instruction may write where the return address was, which is still to be moved.
    fn may_overwrite(self, instruction: &Instruction) -> bool {
        let below = self.height.is_some_and(|height| height > 8);
        let to_move = below && self.holds && self.ra == Some(-8);
        to_move && instruction.memory_base() == Register::RSP
    }

    fn moved(self, by: i64) -> Self {
        let height = self.height.and_then(|height| height.checked_sub(i32::try_from(by).ok()?));
        Self { height, ..self }
    }

    fn step(self, instruction: &Instruction) -> Self {
        let (first, second) = (instruction.op0_register(), instruction.op1_register());
        let at_stack_pointer = instruction.memory_base() == Register::RSP
            && instruction.memory_index() == Register::None
            && instruction.memory_displacement64() == 0;
        let by = number(instruction);
        match (instruction.mnemonic(), first, second) {
            (Mnemonic::Mov, Register::RAX, Register::None) if at_stack_pointer => {
                Self { holds: self.height == Some(8), ..self }
            }
            (Mnemonic::Mov, Register::None, Register::RAX) if at_stack_pointer && self.holds => {
                Self { ra: self.height.map_or(self.ra, |height| Some(-height)), ..self }
            }
            // An argument may take its place.
            (_, Register::None, _) if self.may_overwrite(instruction) => Self { ra: None, ..self },
            (Mnemonic::Mov, Register::R13, Register::RSP) => Self { kept: self.height, ..self },
            (Mnemonic::Mov, Register::RSP, Register::R13) => Self { height: self.kept, ..self },
            (Mnemonic::Pop, Register::RAX, _) => {
                Self { holds: self.height == Some(8), ..self }.moved(8)
            }
            (Mnemonic::Push, Register::RAX, _) if self.holds && self.height.is_none() => ENTRY,
            (Mnemonic::Push, ..) | (Mnemonic::Pushfq, ..) => self.moved(-8),
            (Mnemonic::Pop, ..) | (Mnemonic::Popfq, ..) => self.moved(8),
            (Mnemonic::Sub, Register::RSP, _) => {
                by.map_or(Self { height: None, ..self }, |by| self.moved(by.saturating_neg()))
            }
            (Mnemonic::Add, Register::RSP, _) => {
                by.map_or(Self { height: None, ..self }, |by| self.moved(by))
            }
            (Mnemonic::Cmp | Mnemonic::Test, ..) => self,
            (_, Register::RSP, _) => Self { height: None, ..self },
            _ if first != Register::None && first.full_register() == Register::RAX => {
                Self { holds: false, ..self }
            }
            _ => self,
        }
    }
}

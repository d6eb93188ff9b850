//! A copy of the stack pointer in a register or on the stack, by which code that moves the pointer gets it back. Compilers' code for searches in
//! strings moves it on one of several ways, keeps the copy on the stack, and pops it.

use iced_x86::{FlowControl, Instruction, Mnemonic, Register};

/// A copy of the stack pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    register: Register,
    /// The height of the stack that the copy stands for.
    height: i32,
    /// Whether there was a way past some of the code since.
    branched: bool,
    /// The bytes on the stack above the copy, once it was pushed.
    above: Option<i32>,
}

/// The height of the stack as the copy tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It tells nothing.
    Nothing,
    /// The height is again this one.
    Height(i32),
    /// The stack pointer was moved on one of several ways.
    Either,
}

impl Kept {
    /// The copy that an instruction makes at this height.
    pub(super) fn of(instruction: &Instruction, height: Option<i32>) -> Option<Self> {
        let register = instruction.op0_register();
        let copies = instruction.mnemonic() == Mnemonic::Mov
            && instruction.op1_register() == Register::RSP
            && register.is_gpr64()
            && !matches!(register, Register::RSP | Register::RBP);
        let kept = |height| Self { register, height, branched: false, above: None };
        height.filter(|_| copies).map(kept)
    }

    /// The copy after an instruction, if it is there still, and what it tells.
    pub(super) fn after(self, instruction: &Instruction) -> (Option<Self>, Told) {
        let (to, mnemonic) = (instruction.op0_register(), instruction.mnemonic());
        let here = Told::Height(self.height);
        match (mnemonic, self.above) {
            (Mnemonic::Push, None) if to == self.register => self.on_stack(0),
            (Mnemonic::Push, Some(above)) => self.on_stack(above.saturating_add(8)),
            (Mnemonic::Pop, Some(0)) if to == Register::RSP => (None, here),
            (Mnemonic::Pop, Some(above)) if to != Register::RSP && above > 0 => {
                self.on_stack(above - 8)
            }
            (Mnemonic::Mov, None) if to == Register::RSP => {
                let back = instruction.op1_register() == self.register;
                (None, if back { here } else { Told::Nothing })
            }
            (Mnemonic::Pop | Mnemonic::Leave, Some(_)) => (None, Told::Nothing),
            _ if to == Register::RSP && mnemonic != Mnemonic::Cmp => match self.above {
                None if self.branched => (Some(self), Told::Either),
                None => (Some(self), Told::Nothing),
                Some(_) => (None, Told::Nothing),
            },
            _ => (self.unless_lost(instruction), Told::Nothing),
        }
    }

    fn on_stack(self, above: i32) -> (Option<Self>, Told) {
        (Some(Self { above: Some(above), ..self }), Told::Nothing)
    }

    /// The copy, unless an instruction writes into its register.
    fn unless_lost(self, instruction: &Instruction) -> Option<Self> {
        let reads =
            matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push);
        let calls = instruction.flow_control() == FlowControl::Call;
        let written = !reads && instruction.op0_register().full_register() == self.register;
        let branches = instruction.flow_control() == FlowControl::ConditionalBranch;
        let branched = self.branched || branches;
        (self.above.is_some() || !calls && !written).then_some(Self { branched, ..self })
    }
}

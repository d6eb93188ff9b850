//! The columns of an unwind table that a walk needs, as a function's instructions change them.

use gimli::{CallFrameInstruction, Register, UnwindExpression};

use crate::expression::{Meaning, meaning};
use crate::rule::registers::{FRAME_POINTER, SPARE, STACK_POINTER};

/// The most remembered rows; compilers use one or two.
const MOST_REMEMBERED: usize = 64;

const STACK: Register = Register(STACK_POINTER as u16);

/// The rule for the canonical frame address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A register and bytes, as instructions say it and may change it.
    Sum { register: u16, offset: i64 },
    /// By an expression.
    Computed(Meaning),
}

/// The rule for restoring a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// No rule, or the same value.
    Same,
    Undefined,
    /// Saved so many bytes from the canonical frame address.
    Offset(i64),
    /// Saved at the address of an expression.
    At(Meaning),
    /// By another register, or a value of its own.
    Other,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cfa: Address,
    pub(super) fp: Column,
    pub(super) spare: Column,
    pub(super) ra: Column,
    pub(super) sp: Column,
}

/// The content of a common entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Common {
    /// The row at a function's first address.
    pub(super) initial: Row,
    pub(super) return_address: Register,
    pub(super) code_alignment: u64,
    pub(super) data_alignment: i64,
    /// Whether signal handlers return to these functions.
    pub(super) signal: bool,
}

/// The row that a function's instructions are changing, and those remembered.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    pub(super) row: Row,
    remembered: &'a mut Vec<Row>,
    pub(super) common: &'a Common,
    section: &'a [u8],
}

impl Row {
    /// Before any instruction.
    pub(super) const BLANK: Self = Self {
        cfa: Address::Sum { register: 0, offset: 0 },
        fp: Column::Same,
        spare: Column::Same,
        ra: Column::Same,
        sp: Column::Same,
    };

    /// Whether the canonical frame address is found by the spare register.
    pub(super) fn needs_spare(&self) -> bool {
        let spare = u16::from(SPARE);
        match self.cfa {
            Address::Sum { register, .. } => register == spare,
            Address::Computed(
                Meaning::Register { register, .. } | Meaning::Deref { register, .. },
            ) => register == SPARE,
            Address::Computed(_) => false,
        }
    }
}

impl<'a> Columns<'a> {
    /// At a function's first address. Expressions are read from `section`; `remembered` is room for rows.
    pub(super) fn new(common: &'a Common, section: &'a [u8], remembered: &'a mut Vec<Row>) -> Self {
        remembered.clear();
        Self { row: common.initial, remembered, common, section }
    }

    /// Applies an instruction other than those that move the location.
    #[inline(always)]
    pub(super) fn apply(
        &mut self,
        instruction: &CallFrameInstruction<usize>,
    ) -> Result<(), gimli::Error> {
        use CallFrameInstruction as I;
        match *instruction {
            I::DefCfa { register, offset } => self.cfa(register, offset as i64),
            I::DefCfaSf { register, factored_offset } => {
                self.cfa(register, self.scaled(factored_offset));
            }
            I::DefCfaRegister { register } => {
                let offset = self.sum()?.1;
                self.cfa(register, offset);
            }
            I::DefCfaOffset { offset } => self.cfa_offset(offset as i64)?,
            I::DefCfaOffsetSf { factored_offset } => {
                self.cfa_offset(self.scaled(factored_offset))?;
            }
            I::DefCfaExpression { expression } => {
                self.row.cfa = Address::Computed(self.meaning(expression));
            }
            I::RememberState if self.remembered.len() < MOST_REMEMBERED => {
                self.remembered.push(self.row);
            }
            I::RememberState => return Err(gimli::Error::StackFull),
            I::RestoreState => {
                self.row = self.remembered.pop().ok_or(gimli::Error::PopWithEmptyStack)?;
            }
            _ => self.restore(instruction),
        }
        Ok(())
    }

    /// Applies an instruction that sets the rule of a register.
    #[inline(always)]
    fn restore(&mut self, instruction: &CallFrameInstruction<usize>) {
        use CallFrameInstruction as I;
        let (register, column) = match *instruction {
            I::Offset { register, factored_offset } => {
                (register, Column::Offset(self.scaled(factored_offset as i64)))
            }
            I::OffsetExtendedSf { register, factored_offset } => {
                (register, Column::Offset(self.scaled(factored_offset)))
            }
            I::Restore { register } => {
                let mut initial = self.common.initial;
                match column(&mut initial, register, self.common.return_address) {
                    Some(&mut initial) => (register, initial),
                    None => return,
                }
            }
            I::Undefined { register } => (register, Column::Undefined),
            // Without a rule the caller's stack pointer is the canonical frame address: not the same.
            I::SameValue { register } if register == STACK => (register, Column::Other),
            I::SameValue { register } => (register, Column::Same),
            I::Expression { register, expression } => {
                (register, Column::At(self.meaning(expression)))
            }
            I::ValOffset { register, .. }
            | I::ValOffsetSf { register, .. }
            | I::Register { dest_register: register, .. }
            | I::ValExpression { register, .. } => (register, Column::Other),
            _ => return,
        };
        if let Some(place) = self::column(&mut self.row, register, self.common.return_address) {
            *place = column;
        }
    }

    fn cfa(&mut self, register: Register, offset: i64) {
        self.row.cfa = Address::Sum { register: register.0, offset };
    }

    fn cfa_offset(&mut self, offset: i64) -> Result<(), gimli::Error> {
        let register = self.sum()?.0;
        self.row.cfa = Address::Sum { register, offset };
        Ok(())
    }

    fn sum(&self) -> Result<(u16, i64), gimli::Error> {
        match self.row.cfa {
            Address::Sum { register, offset } => Ok((register, offset)),
            Address::Computed(_) => Err(gimli::Error::CfiInstructionInInvalidContext),
        }
    }

    fn scaled(&self, factored: i64) -> i64 {
        factored.wrapping_mul(self.common.data_alignment)
    }

    fn meaning(&self, expression: UnwindExpression<usize>) -> Meaning {
        let end = expression.offset.checked_add(expression.length);
        let bytes = end.and_then(|end| self.section.get(expression.offset..end));
        bytes.map_or(Meaning::Other, meaning)
    }
}

/// A register's column, where it is one that a walk needs.
#[inline(always)]
fn column(row: &mut Row, register: Register, return_address: Register) -> Option<&mut Column> {
    const FP: Register = Register(FRAME_POINTER as u16);
    const OTHER: Register = Register(SPARE as u16);
    match register {
        register if register == return_address => Some(&mut row.ra),
        FP => Some(&mut row.fp),
        OTHER => Some(&mut row.spare),
        STACK => Some(&mut row.sp),
        _ => None,
    }
}

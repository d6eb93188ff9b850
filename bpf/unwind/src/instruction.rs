//! The registers and memory that an instruction reads and writes. General registers have the numbers of x86-64's encoding.

use iced_x86::{Instruction, InstructionInfo, OpAccess, OpKind, Register};

/// The stack pointer's number.
pub(crate) const RSP: u8 = 4;
/// The frame pointer's number.
pub(crate) const RBP: u8 = 5;

/// The number of a 64-bit general register.
pub(crate) fn number(register: Register) -> Option<u8> {
    let general = register.is_gpr64().then(|| register.number());
    general.and_then(|number| u8::try_from(number).ok())
}

/// The registers that an instruction writes.
pub(crate) fn written(info: &InstructionInfo) -> impl Iterator<Item = u8> {
    let used = info.used_registers().iter().filter(|used| writes(used.access()));
    used.filter_map(|used| number(used.register().full_register()))
}

/// Whether an access may write.
pub(crate) fn writes(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}

/// Whether an operand is in memory.
pub(crate) fn is_memory(instruction: &Instruction, index: u32) -> bool {
    instruction.op_kind(index) == OpKind::Memory
}

/// The displacement of an operand in memory, signed.
pub(crate) fn displacement(instruction: &Instruction) -> i64 {
    instruction.memory_displacement64().cast_signed()
}

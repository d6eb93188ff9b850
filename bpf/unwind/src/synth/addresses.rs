//! Addresses that instructions compute, to find the targets of jumps through tables.

use super::state::{Entry, State, Value};
use crate::instruction::{displacement, number};
use iced_x86::{Instruction, MemorySize, Register};

/// `movsxd register, [table + index*4]`, and the like for 16 bits.
pub(super) fn loads_offset(state: &mut State, instruction: &Instruction) -> bool {
    let entry = match instruction.memory_size() {
        MemorySize::Int32 => Entry::Signed32,
        MemorySize::Int16 => Entry::Signed16,
        MemorySize::UInt16 => Entry::Unsigned16,
        _ => return false,
    };
    // A zero-extending load into 32 bits also clears the upper half.
    let to = instruction.op0_register();
    let whole = to.is_gpr64() || to.is_gpr32() && entry == Entry::Unsigned16;
    let (Some(to), Some(base)) = (number(to.full_register()), number(instruction.memory_base()))
    else {
        return false;
    };
    let scale = instruction.memory_index_scale();
    let indexed = instruction.memory_index() != Register::None
        && [1, u32::from(entry.size())].contains(&scale);
    let table = match state.register(base).plus(displacement(instruction)) {
        Value::Address(table) if whole && indexed => table,
        Value::Within(table) if whole => table,
        _ => return false,
    };
    state.set(to, Value::Offset { table, entry });
    true
}

/// `lea register, [table + entry + offset]`, either way round, or with an index.
pub(super) fn sum(state: &State, instruction: &Instruction) -> Value {
    let value = |register| number(register).map_or(Value::Unknown, |number| state.register(number));
    let base = value(instruction.memory_base()).plus(displacement(instruction));
    let index = match instruction.memory_index_scale() {
        1 => value(instruction.memory_index()),
        _ => Value::Unknown,
    };
    target(base, index)
        .or_else(|| target(index.plus(displacement(instruction)), value(instruction.memory_base())))
        .or_else(|| within(base, index))
        .unwrap_or(Value::Unknown)
}

/// A table's entry added to the address that it is relative to.
pub(super) fn target(one: Value, other: Value) -> Option<Value> {
    match (one, other) {
        (Value::Address(base), Value::Offset { table, entry })
        | (Value::Offset { table, entry }, Value::Address(base)) => {
            Some(Value::Target { table, entry, base })
        }
        _ => None,
    }
}

/// An address plus an unknown number.
pub(super) fn within(one: Value, other: Value) -> Option<Value> {
    let address = |value| match value {
        Value::Address(address) | Value::Within(address) => Some(address),
        _ => None,
    };
    match (address(one), address(other)) {
        (Some(address), None) | (None, Some(address)) => Some(Value::Within(address)),
        _ => None,
    }
}

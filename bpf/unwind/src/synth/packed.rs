//! The state at a block's begin, packed, because there are many blocks.

use super::state::{Slot, State, Value};

/// A state without what no other block needs.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// Registers of which something is known, a bit each.
    known: u16,
    /// Their values, in the same order.
    values: Box<[Value]>,
    slots: Box<[Slot]>,
}

impl Packed {
    pub(super) fn new(state: &State) -> Self {
        let kept = |value: &Value| !matches!(value, Value::Unknown | Value::Constant(_));
        let values = (0..16).map(|register| state.register(register));
        let known = values.clone().enumerate().filter(|(_, value)| kept(value));
        Self {
            known: known.fold(0, |all, (register, _)| all | 1 << register),
            values: values.filter(kept).collect(),
            slots: state.slots().into(),
        }
    }

    pub(super) fn state(&self) -> State {
        let mut values = self.values.iter();
        let registers = std::array::from_fn(|register| match self.known >> register & 1 {
            0 => Value::Unknown,
            _ => values.next().copied().unwrap_or(Value::Unknown),
        });
        State::new(registers, self.slots.to_vec())
    }
}

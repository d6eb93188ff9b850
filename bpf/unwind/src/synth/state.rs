//! The known values of registers and frame before an instruction.

use super::labels::Labels;
pub(super) use super::value::{Entry, KEPT_BY_CALLEES, Value};
use crate::instruction::{RBP, RSP};

/// Words of the frame that are followed at most.
const MOST_SLOTS: usize = 24;

/// A word of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Its place: `Cfa` or `Frame`.
    pub(super) place: Value,
    /// Its value, never `Unknown`.
    pub(super) value: Value,
}

/// The known values of registers and frame before an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    registers: [Value; 16],
    slots: Vec<Slot>,
}

impl State {
    pub(super) fn new(registers: [Value; 16], slots: Vec<Slot>) -> Self {
        Self { registers, slots }
    }

    /// The state at the begin of a function: the return address is at the stack pointer. `wanted` are the registers that are tracked from
    /// their entry values on, one bit each.
    pub(super) fn at_entry(wanted: u16) -> Self {
        let wanted = wanted | KEPT_BY_CALLEES;
        let mut registers: [Value; 16] = std::array::from_fn(|number| match wanted >> number & 1 {
            0 => Value::Unknown,
            _ => Value::Entry(number as u8),
        });
        let rsp = Value::Cfa(-8);
        registers[usize::from(RSP)] = rsp;
        Self { registers, slots: vec![Slot { place: rsp, value: Value::ReturnAddress }] }
    }

    pub(super) fn register(&self, register: u8) -> Value {
        self.registers[usize::from(register & 15)]
    }

    pub(super) fn stack_pointer(&self) -> Value {
        self.register(RSP)
    }

    /// Bytes between the stack pointer and the canonical frame address, where that is known.
    pub(super) fn height(&self) -> Option<i32> {
        match self.stack_pointer() {
            Value::Cfa(offset) => offset.checked_neg(),
            _ => None,
        }
    }

    /// Whether a return may follow: the stack pointer is where it was at the entry, or wherever the return address was put.
    pub(super) fn may_return(&self) -> bool {
        self.load(self.stack_pointer()) == Value::ReturnAddress || self.height() == Some(8)
    }

    /// The caller's stack pointer after the return: the word after the return address.
    pub(super) fn frame_end(&self) -> Option<Value> {
        let rsp = self.stack_pointer();
        let mut elsewhere = None;
        for slot in self.slots.iter().filter(|slot| slot.value == Value::ReturnAddress) {
            match slot.place.above(rsp) {
                Some(..0) => {}
                Some(0..) => return Some(slot.place.plus(8)),
                // The place from which it was moved may still look like a return address.
                None => elsewhere = elsewhere.or(Some(slot.place.plus(8))),
            }
        }
        elsewhere
    }

    /// Whether rbp is a frame pointer: the caller's lies there, and right above it the return address.
    pub(super) fn has_frame_pointer(&self) -> bool {
        let rbp = self.register(RBP);
        let place = self.frame_end().and_then(|end| end.above(rbp));
        place == Some(16) && self.load(rbp) == Value::Entry(RBP)
    }

    /// Words of the frame that hold something known.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(super) fn set(&mut self, register: u8, value: Value) {
        self.registers[usize::from(register & 15)] = value;
    }

    /// The value of a word of the frame.
    pub(super) fn load(&self, place: Value) -> Value {
        let found = self.slots.iter().find(|slot| slot.place == place);
        found.map_or(Value::Unknown, |slot| slot.value)
    }

    /// Overwrites so many bytes of the frame, with a known word or anything.
    pub(super) fn store(&mut self, place: Value, size: usize, value: Value) {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.slots.retain(|slot| {
            slot.place.above(place).is_none_or(|above| above <= -8 || above >= size)
        });
        if place.is_stack() && size == 8 && value.is_worth_a_slot() && self.slots.len() < MOST_SLOTS
        {
            self.slots.push(Slot { place, value });
        }
    }

    /// Overwrites as much of the frame from a place on as only the program knows. What it returns to it leaves alone.
    pub(super) fn store_run(&mut self, place: Value) {
        self.slots.retain(|slot| {
            let before = slot.place.above(place).is_none_or(|above| above <= -8);
            before || slot.value == Value::ReturnAddress
        });
    }

    /// A new base, made by the instruction at this offset into the image. What an earlier run of it made is no longer known.
    pub(super) fn make_frame(&mut self, instruction: u32) -> Value {
        for value in &mut self.registers {
            if value.is_made_at(instruction) {
                *value = Value::Unknown;
            }
        }
        self.slots.retain(|slot| {
            !slot.place.is_made_at(instruction) && !slot.value.is_made_at(instruction)
        });
        Value::Frame { made_at: instruction, offset: 0 }
    }

    /// Applies a call: the callee writes these registers, one bit each, and the words below the stack pointer.
    pub(super) fn call(&mut self, writes: u16) {
        let rsp = self.stack_pointer();
        // Code that has a frame pointer calls nothing that would change it for good.
        let writes = if self.has_frame_pointer() { writes & !(1 << RBP) } else { writes };
        for register in (0..16).filter(|register| writes >> register & 1 == 1) {
            self.registers[register] = Value::Unknown;
        }
        self.set(RSP, rsp);
        self.slots.retain(|slot| slot.place.above(rsp).is_none_or(|above| above >= 0));
    }

    /// Places in the code that the caller's registers hold.
    pub(super) fn take_labels(&mut self, caller: &Self, labels: &Labels<'_>) {
        for (own, &theirs) in self.registers.iter_mut().zip(&caller.registers) {
            if labels.has(theirs) {
                *own = theirs;
            }
        }
    }

    /// The state at the begin of a function after a tail call, with the return address on top of the stack. The function that it returns
    /// to has the present frame pointer.
    pub(super) fn at_tail_call(&self) -> Self {
        let Self { mut registers, slots } = Self::at_entry(0);
        for number in (0..16).filter(|&number| number != RSP && number != RBP) {
            let value = self.register(number);
            let frame = value.is_stack() || value == Value::ReturnAddress;
            registers[usize::from(number)] = if frame { Value::Unknown } else { value };
        }
        Self { registers, slots }
    }

    /// Keeps what both know. Whether anything changed.
    pub(super) fn merge(&mut self, other: &Self, labels: &Labels<'_>) -> bool {
        let mut lost = false;
        for (own, &other) in self.registers.iter_mut().zip(&other.registers) {
            let joined = labels.join(*own, other);
            lost |= joined != *own;
            *own = joined;
        }
        let before = self.slots.len();
        self.slots.retain(|slot| other.slots.contains(slot));
        lost || self.slots.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::image::Image;
    use crate::synth::{Input, Segment, Uncovered};
    use crate::table::Code;

    #[test]
    fn a_store_forgets_what_it_overlaps() {
        let mut state = State::at_entry(0);
        state.store(Value::Cfa(-16), 8, Value::Entry(RBP));
        state.store(Value::Cfa(-24), 8, Value::Entry(3));
        state.store(Value::Cfa(-20), 1, Value::Unknown);
        assert_eq!(state.load(Value::Cfa(-24)), Value::Unknown, "its upper half");
        assert_eq!(state.load(Value::Cfa(-16)), Value::Entry(RBP));
        state.store(Value::Cfa(-40), 32, Value::Unknown);
        assert_eq!(state.slots().len(), 1, "the return address");
    }

    #[test]
    fn a_frame_made_again_is_another() {
        let mut state = State::at_entry(0);
        let first = state.make_frame(7);
        state.set(RSP, first);
        state.store(first.plus(16), 8, Value::Cfa(0));
        assert_eq!(state.load(first.plus(8).plus(8)), Value::Cfa(0));
        state.set(0, first);
        state.make_frame(7);
        assert_eq!((state.register(0), state.slots().len()), (Value::Unknown, 1));
    }

    #[test]
    fn merging_keeps_what_both_know_and_ends() {
        let code = Code::new(Some(0x1000..0x2000)).unwrap();
        let memory: Vec<Segment<'_>> = Vec::new();
        let uncovered = &Uncovered::read(&code, &memory, &[]);
        let (plt, functions, pointers) = (&[], &[], &[]);
        let (fixed, memory, code) = (false, &memory, &code);
        let image = Image::new(&Input { code, memory, fixed, uncovered, plt, functions, pointers });
        let labels = Labels::new(&image);
        let (mut one, mut other) = (State::at_entry(0), State::at_entry(0));
        one.set(3, Value::Constant(1));
        other.set(RBP, Value::Cfa(-16));
        other.store(Value::Cfa(-16), 8, Value::Entry(RBP));
        assert!(one.merge(&other, &labels));
        assert_eq!((one.register(3), one.register(RBP)), (Value::Unknown, Value::Unknown));
        assert_eq!(one.height(), Some(8));
        assert!(!one.merge(&other, &labels), "nothing more is lost");
    }
}

//! The effect of an instruction on registers and frame.

use super::addresses;
use super::image::Image;
use super::state::{State, Value};
use crate::instruction::{RBP, RSP, displacement, is_memory, number, writes, written};
use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register};

/// Follows instructions that go on to the next one, calls apart.
pub(super) struct Stepper<'a> {
    image: &'a Image<'a>,
    infos: InstructionInfoFactory,
}

impl<'a> Stepper<'a> {
    pub(super) fn new(image: &'a Image<'a>) -> Self {
        Self { image, infos: InstructionInfoFactory::new() }
    }

    /// Applies an instruction to the state.
    pub(super) fn step(&mut self, state: &mut State, instruction: &Instruction) {
        match instruction.mnemonic() {
            Mnemonic::Push | Mnemonic::Pushf | Mnemonic::Pushfq => self.push(state, instruction),
            Mnemonic::Pop if general(instruction, 0).is_some() => pop(state, instruction),
            Mnemonic::Mov if self.moves(state, instruction) => {}
            Mnemonic::Movsxd | Mnemonic::Movsx | Mnemonic::Movzx
                if addresses::loads_offset(state, instruction) => {}
            Mnemonic::Lea if self.computes_address(state, instruction) => {}
            Mnemonic::Add | Mnemonic::Sub | Mnemonic::And
                if general(instruction, 0).is_some_and(|register| {
                    matters(state, register) || matters(state, source(instruction))
                }) =>
            {
                self.computes(state, instruction);
            }
            Mnemonic::Leave => leave(state),
            _ => self.writes(state, instruction),
        }
    }

    fn push(&self, state: &mut State, instruction: &Instruction) {
        let value = if instruction.op_count() > 0 {
            self.operand(state, instruction, 0)
        } else {
            Value::Unknown
        };
        let rsp = state.stack_pointer().plus(i64::from(instruction.stack_pointer_increment()));
        let size = instruction.stack_pointer_increment().unsigned_abs() as usize;
        state.set(RSP, rsp);
        state.store(rsp, size, if size == 8 { value } else { Value::Unknown });
    }

    /// `mov` between registers and words of the frame.
    fn moves(&self, state: &mut State, instruction: &Instruction) -> bool {
        if let (OpKind::Immediate32, OpKind::Register) =
            (instruction.op1_kind(), instruction.op0_kind())
        {
            // A 32-bit register: the upper half becomes 0.
            let value =
                i32::try_from(instruction.immediate32()).map_or(Value::Unknown, Value::Constant);
            let to = number(instruction.op0_register().full_register());
            to.into_iter().for_each(|to| set(self.image, state, instruction, to, value));
            return to.is_some();
        }
        if let Some(to) = general(instruction, 0) {
            let value = self.operand(state, instruction, 1);
            set(self.image, state, instruction, to, value);
            return true;
        }
        let Some(place) = self.place(state, instruction).filter(|_| is_memory(instruction, 0))
        else {
            return false;
        };
        state.store(place, instruction.memory_size().size(), self.operand(state, instruction, 1));
        true
    }

    fn computes_address(&self, state: &mut State, instruction: &Instruction) -> bool {
        let Some(to) = general(instruction, 0) else { return false };
        let value = match self.place(state, instruction) {
            Some(place) => place,
            None => addresses::sum(state, instruction),
        };
        set(self.image, state, instruction, to, value);
        true
    }

    /// `add`, `sub` and `and` of a register with another or a number.
    fn computes(&self, state: &mut State, instruction: &Instruction) {
        let to = instruction.op0_register();
        let Some(to) = number(to) else { return };
        let (own, other) = (state.register(to), self.operand(state, instruction, 1));
        let value = match (instruction.mnemonic(), other) {
            (Mnemonic::Add, Value::Constant(by)) => own.plus(i64::from(by)),
            (Mnemonic::Sub, Value::Constant(by)) => own.plus(-i64::from(by)),
            (Mnemonic::Add, _) => match (own, addresses::target(own, other)) {
                (_, Some(target)) => target,
                (Value::Constant(by), None) => other.plus(i64::from(by)),
                _ => addresses::within(own, other)
                    .unwrap_or_else(|| self.unless_stack(state, instruction, own)),
            },
            _ => self.unless_stack(state, instruction, own),
        };
        set(self.image, state, instruction, to, value);
    }

    /// A stack pointer that is aligned, or moved by a number that only the program knows: a new base.
    fn unless_stack(&self, state: &mut State, instruction: &Instruction, value: Value) -> Value {
        match self.image.offset(instruction.ip()) {
            Some(at) if value.is_stack() => state.make_frame(at),
            _ => Value::Unknown,
        }
    }

    /// All other instructions: what they write is unknown.
    fn writes(&mut self, state: &mut State, instruction: &Instruction) {
        let increment = instruction.stack_pointer_increment();
        if increment != 0 {
            let rsp = state.stack_pointer().plus(i64::from(increment));
            state.set(RSP, rsp);
        }
        let info = self.infos.info(instruction);
        for used in info.used_memory().iter().filter(|memory| writes(memory.access())) {
            let place = number(used.base()).filter(|_| used.index() == Register::None);
            let place = place.map(|base| state.register(base).plus(used.displacement() as i64));
            if let Some(place) = place.filter(|place| place.is_stack()) {
                match used.memory_size().size() {
                    0 => state.store_run(place),
                    size => state.store(place, size, Value::Unknown),
                }
            }
        }
        for register in written(info) {
            if register != RSP {
                state.set(register, Value::Unknown);
            } else if increment == 0 {
                set(self.image, state, instruction, RSP, Value::Unknown);
            }
        }
    }

    /// The value of a 64-bit operand.
    fn operand(&self, state: &State, instruction: &Instruction, index: u32) -> Value {
        match instruction.op_kind(index) {
            OpKind::Register => {
                number(instruction.op_register(index)).map_or(Value::Unknown, |r| state.register(r))
            }
            OpKind::Memory if instruction.memory_size().size() == 8 => {
                let place = self.place(state, instruction);
                place.map_or(Value::Unknown, |place| state.load(place))
            }
            OpKind::Immediate8to64 | OpKind::Immediate32to64 | OpKind::Immediate64 => {
                let value = i32::try_from(instruction.immediate(index).cast_signed());
                value.map_or(Value::Unknown, Value::Constant)
            }
            _ => Value::Unknown,
        }
    }

    /// The place of a memory operand, if its base is known and it has no index.
    fn place(&self, state: &State, instruction: &Instruction) -> Option<Value> {
        if instruction.memory_index() != Register::None
            || matches!(instruction.memory_segment(), Register::FS | Register::GS)
        {
            return None;
        }
        if instruction.is_ip_rel_memory_operand() {
            let address = instruction.ip_rel_memory_address();
            return self.image.offset(address).map(Value::Address);
        }
        let base = state.register(number(instruction.memory_base())?);
        Some(base.plus(displacement(instruction))).filter(|place| *place != Value::Unknown)
    }
}

/// Sets a register. The stack pointer is never quite unknown: it is a new base.
fn set(
    image: &Image<'_>,
    state: &mut State,
    instruction: &Instruction,
    register: u8,
    value: Value,
) {
    let at = image.offset(instruction.ip());
    let value = match at.filter(|_| register == RSP && !value.is_stack()) {
        Some(at) => state.make_frame(at),
        None => value,
    };
    state.set(register, value);
}

fn pop(state: &mut State, instruction: &Instruction) {
    let Some(to) = general(instruction, 0) else { return };
    let rsp = state.stack_pointer();
    let value = state.load(rsp);
    state.set(RSP, rsp.plus(8));
    state.set(to, value);
}

/// `mov rsp, rbp` and `pop rbp`.
fn leave(state: &mut State) {
    let rbp = state.register(RBP);
    let value = state.load(rbp);
    state.set(RSP, if rbp.is_stack() { rbp.plus(8) } else { Value::Unknown });
    state.set(RBP, value);
}

/// The 64-bit general register that is an operand.
fn general(instruction: &Instruction, index: u32) -> Option<u8> {
    (instruction.op_kind(index) == OpKind::Register)
        .then(|| number(instruction.op_register(index)))
        .flatten()
}

/// The register that is the second operand, else the first.
fn source(instruction: &Instruction) -> u8 {
    general(instruction, 1).or_else(|| general(instruction, 0)).unwrap_or(RSP)
}

fn matters(state: &State, register: u8) -> bool {
    state.register(register) != Value::Unknown
}

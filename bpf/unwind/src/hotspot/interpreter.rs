//! The interpreter's pieces. Its frames have a frame pointer, and below that the caller's stack pointer, because an adapter may have
//! extended the caller's frame. Before the frame is set up and after it is removed, the caller's stack pointer is in a register, and
//! the return address is on the stack.

use super::blob::{Blob, Codelet, UNKNOWN, by_frame_pointer};
use super::rows::Rows;
use super::sweep::{self, Follow, sweep};
use crate::rule::{Cfa, ReturnAddress, Rule, RuleTrust, registers};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// The caller's stack pointer is kept so many bytes from the frame pointer.
const SENDER: i32 = -8;
/// A popped value stays in its word as long as the word is not further below the stack pointer than this.
const RED_ZONE: i32 = -128;

/// The state before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The frame is set up.
    Framed,
    /// There is none.
    Bare(Bare),
    Unknown,
}

/// Without a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bare {
    /// The place of the return address, in bytes from the stack pointer.
    ra: Option<i32>,
    /// The register that has the caller's stack pointer.
    caller: Register,
    /// A register that has the return address.
    holds: Option<Register>,
    /// The place of the saved frame pointer, in bytes from the stack pointer.
    saved: Option<i32>,
    /// Whether the frame pointer points there.
    points: bool,
}

/// The rules of the pieces. At the begin of a method's entry, the frame is not set up yet.
pub(super) fn rows(blob: &Blob<'_>, pieces: &[Codelet]) -> Rows {
    let mut rows = Rows::of(UNKNOWN);
    let mut done = 0;
    for piece in pieces {
        let (begin, end) = (piece.begin as usize, piece.end as usize);
        if begin < done || end <= begin || end > blob.code.len() {
            continue;
        }
        done = end;
        let (framed, sender) = (!piece.entry, Register::None);
        let mut code = Sweep { begin, framed, sender, rows };
        sweep(blob, begin, end, &mut code);
        rows = code.rows;
        rows.push(end, UNKNOWN);
    }
    rows.shrunk()
}

#[derive(Debug)]
struct Sweep {
    begin: usize,
    /// Whether the frame was made before.
    framed: bool,
    /// The register that the caller's stack pointer was loaded to.
    sender: Register,
    rows: Rows,
}

impl Follow for Sweep {
    type State = State;

    fn usual(&self, offset: usize) -> State {
        match (self.framed, offset == self.begin) {
            (true, _) => State::Framed,
            (false, true) => State::Bare(Bare {
                ra: Some(0),
                caller: Register::R13,
                holds: None,
                saved: None,
                points: false,
            }),
            _ => State::Unknown,
        }
    }

    fn forced(&self, _: usize) -> Option<State> {
        None
    }

    /// Local variables are pushed in a loop, where the return address was.
    fn at(&self, state: State, instruction: &Instruction) -> State {
        match state {
            State::Bare(bare)
                if instruction.mnemonic() == Mnemonic::Push
                    && bare.ra.is_some_and(|ra| ra < 0)
                    && bare.holds != Some(instruction.op0_register()) =>
            {
                State::Bare(Bare { ra: None, ..bare })
            }
            _ => state,
        }
    }

    fn row(&mut self, offset: usize, state: State) {
        self.rows.push(offset, state.rule());
    }

    fn step(&mut self, state: State, instruction: &Instruction) -> State {
        match state {
            State::Framed => self.framed_step(instruction),
            State::Bare(bare) => {
                let makes_frame = bare.points
                    && bare.saved == Some(0)
                    && instruction.mnemonic() == Mnemonic::Push
                    && instruction.op0_register() == bare.caller;
                self.framed |= makes_frame;
                if makes_frame { State::Framed } else { bare.step(instruction) }
            }
            State::Unknown => State::Unknown,
        }
    }
}

impl Sweep {
    fn framed_step(&mut self, instruction: &Instruction) -> State {
        let to = instruction.op0_register();
        let loads = instruction.mnemonic() == Mnemonic::Mov
            && instruction.op1_kind() == OpKind::Memory
            && instruction.memory_base() == Register::RBP
            && instruction.memory_index() == Register::None
            && instruction.memory_displacement64() as i64 == i64::from(SENDER);
        if loads {
            self.sender = to;
        } else if changes(instruction, self.sender) {
            self.sender = Register::None;
        }
        if instruction.mnemonic() != Mnemonic::Leave {
            return State::Framed;
        }
        let caller = self.sender;
        State::Bare(Bare { ra: Some(0), caller, holds: None, saved: None, points: false })
    }
}

impl State {
    fn rule(self) -> Rule {
        let deref = Cfa::Deref { register: registers::FRAME_POINTER, offset: SENDER, add: 0 };
        match self {
            Self::Framed => by_frame_pointer(deref),
            Self::Bare(bare) => bare.rule().unwrap_or(UNKNOWN),
            Self::Unknown => UNKNOWN,
        }
    }
}

impl Bare {
    fn rule(self) -> Option<Rule> {
        let register = number(self.caller)?;
        let cfa = Cfa::Register { register, offset: 0 };
        let trust = RuleTrust::Synthesised;
        if self.points {
            return Some(Rule { trust, ..by_frame_pointer(cfa) });
        }
        let ra = ReturnAddress::AtStackPointer(self.ra?);
        Some(Rule { ra, trust, ..Rule::of(cfa) })
    }

    fn step(mut self, instruction: &Instruction) -> State {
        let first = instruction.op0_register();
        let by = || i32::try_from(sweep::number(instruction)?).ok();
        match instruction.mnemonic() {
            Mnemonic::Push => self.pushed(first),
            Mnemonic::Pop => {
                if self.ra == Some(0) {
                    self.holds = Some(first);
                }
                self.moved(Some(8));
            }
            Mnemonic::Sub if first == Register::RSP => self.moved(by().and_then(i32::checked_neg)),
            Mnemonic::Add if first == Register::RSP => self.moved(by()),
            Mnemonic::Mov if first == Register::RBP => {
                self.points = instruction.op1_register() == Register::RSP && self.saved == Some(0);
                if !self.points {
                    return State::Unknown;
                }
            }
            _ if first == Register::RSP && changes(instruction, Register::RSP) => self.moved(None),
            _ if changes(instruction, self.caller) => return State::Unknown,
            _ => {}
        }
        if self.holds.is_some_and(|holds| changes(instruction, holds))
            && instruction.mnemonic() != Mnemonic::Pop
        {
            self.holds = None;
        }
        State::Bare(self)
    }

    fn pushed(&mut self, register: Register) {
        let again = self.holds == Some(register) && register != Register::None;
        let overwritten = self.ra == Some(-8);
        self.moved(Some(-8));
        if again && self.ra.is_none_or(|ra| ra <= 0) {
            self.ra = Some(0);
        } else if overwritten {
            self.ra = None;
        }
        if register == Register::RBP && self.saved.is_none() {
            self.saved = Some(0);
        }
    }

    /// The stack pointer moves by so many bytes.
    fn moved(&mut self, by: Option<i32>) {
        let moved = |place: Option<i32>| {
            place?.checked_sub(by?).filter(|place| (RED_ZONE..1 << 10).contains(place))
        };
        // Words that are written below are not followed: what is left below is only read as long as nothing is pushed.
        self.ra = moved(self.ra);
        self.saved = moved(self.saved);
    }
}

/// Whether an instruction may change a register.
fn changes(instruction: &Instruction, register: Register) -> bool {
    let reads = matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push);
    let first = instruction.op0_register();
    register != Register::None
        && !reads
        && first != Register::None
        && first.full_register() == register
}

/// The DWARF number of a register that the walk knows at a leaf.
fn number(register: Register) -> Option<u8> {
    match register {
        Register::RBX => Some(registers::SPARE),
        Register::R8 => Some(8),
        Register::R9 => Some(9),
        Register::R10 => Some(10),
        Register::R11 => Some(11),
        Register::R12 => Some(12),
        Register::R13 => Some(13),
        Register::R14 => Some(14),
        Register::R15 => Some(15),
        _ => None,
    }
}

//! Code whose frames have a size: compiled methods, native ones' wrappers, and stubs.

use super::blob::{Blob, UNKNOWN, height_rule};
use super::kept::{Kept, Told};
use super::rows::Rows;
use super::sweep::{Follow, number, sweep};
use crate::rule::{Cfa, Restore, Rule, RuleTrust, registers};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// Words of the largest frame.
const MOST_WORDS: u32 = 1 << 20;
/// Bytes from a caller's stack pointer down to the saved frame pointer.
const SAVED: i32 = 16;

/// The distance of the stack pointer from the caller's, and the place of the caller's frame pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At {
    /// Bytes from the stack pointer to the caller's, the return address included.
    height: Option<i32>,
    /// Bytes from the frame pointer to the same place.
    by_fp: Option<i32>,
    fp: Restore,
    /// A copy of the stack pointer.
    kept: Option<Kept>,
}

impl At {
    /// At a function's first instruction.
    const ENTRY: Self = Self { height: Some(8), by_fp: None, fp: Restore::Same, kept: None };
    const UNKNOWN: Self = Self { height: None, by_fp: None, fp: Restore::Unknown, kept: None };

    fn rule(self, usual: Self) -> Rule {
        let trust = if (Self { kept: None, ..self }) == usual {
            RuleTrust::Rule
        } else {
            RuleTrust::Synthesised
        };
        // The stack's height may depend on how often a loop runs; the frame pointer stays where it is.
        match (self.height, self.by_fp) {
            (_, Some(offset)) => Rule {
                fp: self.fp,
                trust,
                ..Rule::of(Cfa::Register { register: registers::FRAME_POINTER, offset })
            },
            (Some(height), _) if height >= 8 => height_rule(height, self.fp, trust),
            _ => UNKNOWN,
        }
    }

    /// The stack pointer moves by so many bytes.
    fn moved(self, by: i64) -> Self {
        let height = self.height.and_then(|height| height.checked_sub(i32::try_from(by).ok()?));
        Self { height, ..self }
    }
}

/// A compiled method. The frame is set up from `complete` on, and each epilogue removes it.
pub(super) fn compiled(
    blob: &Blob<'_>,
    complete: u32,
    words: u32,
    second_entry: Option<u32>,
) -> Rows {
    if words > MOST_WORDS {
        return Rows::of(UNKNOWN);
    }
    let complete = (complete as usize).min(blob.code.len());
    let body = match words {
        0 | 1 => At::ENTRY,
        _ => At { height: Some(words as i32 * 8), fp: Restore::AtCfa(-SAVED), ..At::UNKNOWN },
    };
    let second_entry = second_entry.map(|offset| offset as usize).filter(|at| *at >= complete);
    let mut code =
        Heights { code: blob.code, usual: At::ENTRY, body, second_entry, ..Heights::default() };
    // A method that is not entered any more begins with a jump over its first instruction, whose rest makes no sense.
    sweep(blob, 0, complete, &mut code);
    code.usual = body;
    sweep(blob, complete, blob.code.len(), &mut code);
    code.rows.shrunk()
}

/// Whether a method's own calls may lead to an offset: `mov rbx, METHOD; jmp INTERPRETER`, or a jump to itself until then.
fn is_call_stub(code: &[u8], offset: usize) -> bool {
    let Some((stub, _)) = code.get(offset..).and_then(<[u8]>::split_first_chunk::<15>) else {
        return false;
    };
    let to = i32::from_le_bytes([stub[11], stub[12], stub[13], stub[14]]);
    let target = (offset as i64 + 15).wrapping_add(to.into());
    let leaves = !(0..code.len() as i64).contains(&target) || to == -5;
    stub.starts_with(b"\x48\xbb") && stub[10] == 0xe9 && leaves
}

/// A stub that is entered at its begin. Its frame has the described size at each call, and is gone at each return.
pub(super) fn stub(blob: &Blob<'_>, words: Option<u32>) -> Rows {
    let words = words.filter(|words| (2..MOST_WORDS).contains(words));
    let body = words.map_or(At::UNKNOWN, |words| At {
        height: Some(words as i32 * 8),
        fp: Restore::AtCfa(-SAVED),
        ..At::UNKNOWN
    });
    let mut code = Heights { usual: At::UNKNOWN, body, entry: true, ..Heights::default() };
    sweep(blob, 0, blob.code.len(), &mut code);
    let calls_fit = words.is_none() || code.calls.iter().all(|(_, height)| *height == body.height);
    if code.returns_fit && calls_fit {
        return code.rows.shrunk();
    }
    // In a stub with other entries, only the frame at calls is known.
    let mut rows = Rows::of(UNKNOWN);
    for (call, _) in code.calls.iter().filter(|_| words.is_some()) {
        rows.push(call.start, body.rule(body));
        rows.push(call.end, UNKNOWN);
    }
    rows.shrunk()
}

/// Functions that save the frame pointer first and make it their own; they begin at these offsets, which are sorted. What
/// they do not say is not known.
pub(super) fn framed(blob: &Blob<'_>, begins: &[usize]) -> Rows {
    let body = At::UNKNOWN;
    let mut code = Heights { usual: body, body, entry: true, ..Heights::default() };
    code.rows.push(0, UNKNOWN);
    for (index, begin) in begins.iter().enumerate() {
        let end = begins.get(index + 1).copied().unwrap_or(blob.code.len());
        code.second_entry = Some(*begin);
        sweep(blob, *begin, end, &mut code);
    }
    code.rows.shrunk()
}

/// The heights of a piece of code.
#[derive(Debug)]
struct Heights<'a> {
    code: &'a [u8],
    usual: At,
    body: At,
    /// Whether the code is entered at its begin, and nowhere else.
    entry: bool,
    second_entry: Option<usize>,
    rows: Rows,
    /// Calls, and the height there.
    calls: Vec<(std::ops::Range<usize>, Option<i32>)>,
    returns_fit: bool,
    /// The offset of the current instruction.
    offset: usize,
}

impl Default for Heights<'_> {
    fn default() -> Self {
        Self {
            code: &[],
            usual: At::ENTRY,
            body: At::ENTRY,
            entry: false,
            second_entry: None,
            rows: Rows::default(),
            calls: Vec::new(),
            returns_fit: true,
            offset: 0,
        }
    }
}

impl Follow for Heights<'_> {
    type State = At;

    fn usual(&self, offset: usize) -> At {
        if self.entry && offset == 0 {
            return At::ENTRY;
        }
        if self.usual == self.body && is_call_stub(self.code, offset) {
            return self.usual.moved(-8);
        }
        self.usual
    }

    fn forced(&self, offset: usize) -> Option<At> {
        (self.second_entry == Some(offset)).then_some(At::ENTRY)
    }

    fn row(&mut self, offset: usize, state: At) {
        self.rows.push(offset, state.rule(self.body));
    }

    fn step(&mut self, at: At, instruction: &Instruction) -> At {
        let start = self.offset;
        self.offset += instruction.len();
        match instruction.mnemonic() {
            Mnemonic::Call => {
                if self.entry {
                    self.calls.push((start..self.offset, at.height));
                }
                let next = instruction.next_ip();
                let near = instruction.op0_kind() == OpKind::NearBranch64;
                let here = near && instruction.near_branch_target() == next;
                let kept = at.kept.and_then(|kept| kept.after(instruction).0);
                if here { at.moved(-8) } else { At { kept, ..at } }
            }
            Mnemonic::Ret => {
                self.returns_fit &= at.height == Some(8);
                at
            }
            _ => step(at, instruction),
        }
    }
}

/// The effect of an instruction on the stack pointer, its copy, and the frame pointer.
fn step(at: At, instruction: &Instruction) -> At {
    let after = moved(at, instruction);
    let Some(kept) = at.kept else {
        return At { kept: Kept::of(instruction, at.height), ..after };
    };
    match kept.after(instruction) {
        (kept, Told::Nothing) => At { kept, ..after },
        (kept, Told::Height(height)) => At { height: Some(height), kept, ..after },
        (kept, Told::Either) => At { height: None, kept, ..after },
    }
}

/// The effect of an instruction on the stack pointer and the frame pointer.
fn moved(at: At, instruction: &Instruction) -> At {
    let first = instruction.op0_register();
    match instruction.mnemonic() {
        Mnemonic::Push => pushed(at, first),
        Mnemonic::Pushfq => at.moved(-8),
        Mnemonic::Popfq => at.moved(8),
        Mnemonic::Pop => popped(at.moved(8), first),
        Mnemonic::Leave => left(at),
        Mnemonic::Mov => copied(at, instruction),
        Mnemonic::Cmp | Mnemonic::Test => at,
        _ if first == Register::RSP => computed(at, instruction),
        _ if first != Register::None && first.full_register() == Register::RBP => {
            At { by_fp: None, ..at }
        }
        _ => at,
    }
}

fn pushed(at: At, register: Register) -> At {
    let saves = at.height == Some(8) && at.fp == Restore::Same && register == Register::RBP;
    let fp = if saves { Restore::AtCfa(-SAVED) } else { at.fp };
    At { fp, ..at.moved(-8) }
}

fn popped(at: At, register: Register) -> At {
    match register {
        Register::RBP if at.height == Some(8) => At { by_fp: None, fp: Restore::Same, ..at },
        Register::RBP => At { by_fp: None, ..at },
        Register::RSP => At { height: None, ..at },
        _ => at,
    }
}

/// Frames that are left in one instruction are those that the frame pointer was saved in first.
fn left(at: At) -> At {
    let height = at.by_fp.unwrap_or(SAVED) - 8;
    let fp = if height == 8 { Restore::Same } else { Restore::Unknown };
    At { height: Some(height), fp, ..At::UNKNOWN }
}

fn copied(at: At, instruction: &Instruction) -> At {
    let (to, from) = (instruction.op0_register(), instruction.op1_register());
    let by_stack =
        instruction.memory_base() == Register::RSP && instruction.memory_index() == Register::None;
    let place = || Some(at.height? - i32::try_from(instruction.memory_displacement64()).ok()?);
    match (to, from) {
        (Register::RBP, Register::RSP) => At { by_fp: at.height, ..at },
        (Register::RSP, Register::RBP) => At { height: at.by_fp, ..at },
        (Register::RSP, _) => At { height: None, ..at },
        // Behind the last use of the register it is loaded where it was saved: the word is there still.
        (Register::RBP, _) => At { by_fp: None, ..at },
        (Register::None, Register::RBP) if by_stack && at.fp == Restore::Same => {
            let fp = if place() == Some(SAVED) { Restore::AtCfa(-SAVED) } else { at.fp };
            At { fp, ..at }
        }
        _ => at,
    }
}

/// Another instruction that has the stack pointer as its first operand.
fn computed(at: At, instruction: &Instruction) -> At {
    let lost = At { height: None, ..at };
    match instruction.mnemonic() {
        Mnemonic::Add => number(instruction).map_or(lost, |by| at.moved(by)),
        Mnemonic::Sub => number(instruction).map_or(lost, |by| at.moved(by.saturating_neg())),
        Mnemonic::Lea => {
            let displacement = instruction.memory_displacement64() as i64;
            let plain = instruction.memory_index() == Register::None;
            match instruction.memory_base() {
                Register::RSP if plain => at.moved(displacement),
                Register::RBP if plain => At { height: at.by_fp, ..at }.moved(displacement),
                _ => lost,
            }
        }
        _ => lost,
    }
}

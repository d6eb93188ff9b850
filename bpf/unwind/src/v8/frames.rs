//! The parts of V8's own code that run with the frame of a JavaScript function: the trampoline that enters the interpreter, and
//! the two functions that set up the frames of baseline code and leave them. They are found by their instructions.

use super::rules::{bare, below, framed, guessed};
use crate::rule::{Restore, Rule};
use crate::table::Source;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, Register};
use std::collections::BTreeMap;
use std::ops::Range;

/// `call rcx`, to the first bytecode's handler; and behind it the bytecode array and the offset are read from the frame again:
/// `mov r12, [rbp-0x20]; mov r9d, [rbp-0x24]`.
const CALL: [u8; 10] = [0xff, 0xd1, 0x4c, 0x8b, 0x65, 0xe0, 0x44, 0x8b, 0x4d, 0xdc];
/// The length of the call itself.
const CALL_LENGTH: usize = 2;
/// `push rbp; mov rbp, rsp; push rsi`.
const SET_UP: [u8; 5] = [0x55, 0x48, 0x89, 0xe5, 0x56];
/// The most bytes between this and the call.
const BEFORE_CALL: usize = 256;
/// `add [r8+NUMBER], ecx; jge`, near the begin of the function that leaves a frame: it counts what its caller has used up.
const USES_UP: [u8; 3] = [0x41, 0x01, 0x48];
const UNLESS_LESS: [u8; 2] = [0x0f, 0x8d];
/// `mov r8, [rbp-NUMBER]`, its first instruction.
const FROM_FRAME: [u8; 3] = [0x4c, 0x8b, 0x45];
/// The alignment of V8's functions.
const ALIGNMENT: u64 = 64;

/// The words that are pushed until a frame is whole: context, function, number of arguments, bytecode, and its offset or what is
/// known of types.
const WORDS: usize = 5;
/// The most instructions of a function that are looked at.
const MOST: usize = 256;
/// The most functions of each kind. V8 has one or two.
const MOST_FUNCTIONS: usize = 4;
/// The most instructions from the end of a frame to the return.
const MOST_OF_END: usize = 6;

/// Parts of V8's own code.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// The addresses at which the frame of a function is whole.
    pub(super) whole: Vec<Range<u64>>,
    /// The rule of each instruction.
    rules: BTreeMap<u64, (u64, Rule)>,
}

/// A stretch of code: bytes and virtual address.
#[derive(Clone, Copy)]
struct Stretch<'a>(&'a [u8], u64);

impl Parts {
    /// The parts in these stretches of code.
    pub(super) fn of(stretches: &[(&[u8], u64)]) -> Self {
        let mut parts = Self::default();
        for &(bytes, address) in stretches {
            let stretch = Stretch(bytes, address);
            let calls = find(bytes, &CALL).take(MOST_FUNCTIONS);
            calls.for_each(|at| parts.trampoline(stretch, at));
            let set_up = find(bytes, &SET_UP).filter(|&at| pops_before(&bytes[..at]));
            set_up.take(MOST_FUNCTIONS).for_each(|at| parts.set_up(stretch, at));
            let leaves = find(bytes, &USES_UP).filter_map(|at| leaves(stretch, at));
            leaves.take(MOST_FUNCTIONS).for_each(|at| parts.follow(stretch, at));
        }
        parts.whole = merged(parts.whole);
        parts
    }

    /// The rules of the instructions.
    pub(super) fn add_to(&self, source: &mut Source) {
        for (&start, (end, rule)) in &self.rules {
            source.push(start..*end, rule);
        }
    }

    /// The trampoline that has this call.
    fn trampoline(&mut self, stretch: Stretch<'_>, call: usize) {
        let from = call.saturating_sub(BEFORE_CALL);
        let set_up = find(&stretch.0[from..call], &SET_UP).last();
        let whole = set_up.and_then(|at| whole_from(stretch, from + at));
        match whole.filter(|at| *at <= call) {
            Some(at) => self.follow(stretch, at),
            // The call itself, and the address that it returns to.
            None => {
                let back = stretch.1.saturating_add((call + CALL_LENGTH) as u64);
                self.whole.push(back - 1..back.saturating_add(1));
                self.rules.insert(back - 1, (back.saturating_add(1), framed()));
            }
        }
    }

    /// The function that sets up frames of baseline code. Its own return address is popped before.
    fn set_up(&mut self, stretch: Stretch<'_>, at: usize) {
        let Some(whole) = whole_from(stretch, at) else { return };
        let place = |at: usize| stretch.1.saturating_add(at as u64);
        // Up to here, it has no frame. Its caller needs all registers: it has no frame either.
        if let Some(begin) = stretch.index(place(at) / ALIGNMENT * ALIGNMENT) {
            let entered = Rule { spare: Restore::Same, ..bare(8) };
            self.rules.insert(place(begin), (place(at), entered));
        }
        self.rules.insert(place(at), (place(at + 1), bare(8)));
        self.rules.insert(place(at + 1), (place(at + 4), bare(16)));
        self.rules.insert(place(at + 4), (place(whole), framed()));
        self.follow(stretch, whole);
    }

    /// Follows the code with a whole frame up to the frame's end.
    fn follow(&mut self, stretch: Stretch<'_>, from: usize) {
        let mut ways = vec![from];
        let mut left = MOST;
        while let Some(at) = ways.pop() {
            let address = stretch.1.saturating_add(at as u64);
            let known = self.whole.iter().any(|range| range.contains(&address));
            let Some(instruction) = decoded(stretch, at).filter(|_| !known && left > 0) else {
                continue;
            };
            left -= 1;
            self.whole.push(address..instruction.next_ip());
            self.rules.insert(address, (instruction.next_ip(), framed()));
            let next = at + instruction.len();
            if ends_frame(&instruction) {
                self.end(stretch, next);
                continue;
            }
            // Another frame begins.
            if instruction.mnemonic() == Mnemonic::Push
                && instruction.op0_register() == Register::RBP
            {
                continue;
            }
            let flow = instruction.flow_control();
            if matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch) {
                ways.extend(stretch.index(instruction.near_branch_target()));
            }
            if matches!(
                flow,
                FlowControl::Next
                    | FlowControl::ConditionalBranch
                    | FlowControl::Call
                    | FlowControl::IndirectCall
            ) {
                ways.push(next);
            }
        }
    }

    /// The instructions behind a frame's end: the return address is popped, the arguments are dropped, and it is pushed again.
    fn end(&mut self, stretch: Stretch<'_>, from: usize) {
        let (mut at, mut popped) = (from, false);
        for _ in 0..MOST_OF_END {
            let Some(instruction) = decoded(stretch, at) else { return };
            let (start, end) = (instruction.ip(), instruction.next_ip());
            let rule = match instruction.mnemonic() {
                Mnemonic::Ret | Mnemonic::Pop => bare(8),
                _ if popped => below(),
                _ => bare(8),
            };
            self.rules.insert(start, (end, rule));
            at += instruction.len();
            match instruction.mnemonic() {
                Mnemonic::Pop => popped = true,
                // The place of the return address depends on the number of arguments.
                Mnemonic::Lea | Mnemonic::Add if popped => {
                    if let Some(push) = decoded(stretch, at) {
                        self.rules.insert(push.ip(), (push.next_ip(), guessed()));
                        at += push.len();
                    }
                    popped = false;
                }
                Mnemonic::Ret | Mnemonic::Jmp => return,
                _ => {}
            }
        }
    }
}

impl Stretch<'_> {
    /// The index of an address.
    fn index(self, address: u64) -> Option<usize> {
        let index = usize::try_from(address.checked_sub(self.1)?).ok()?;
        (index < self.0.len()).then_some(index)
    }
}

/// The places of some bytes.
fn find<'a>(bytes: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows.filter(move |(_, window)| *window == wanted).map(|(at, _)| at)
}

/// Whether these bytes end with the pop of a register from r8 to r15.
fn pops_before(bytes: &[u8]) -> bool {
    matches!(bytes, [.., 0x41, 0x58..=0x5f])
}

/// The begin of the function that leaves frames, if its count is here.
fn leaves(stretch: Stretch<'_>, at: usize) -> Option<usize> {
    let jumps = stretch.0.get(at + USES_UP.len() + 1..)?.starts_with(&UNLESS_LESS);
    let begin = stretch.index(stretch.1.checked_add(at as u64)? / ALIGNMENT * ALIGNMENT)?;
    let reads = stretch.0.get(begin..)?.starts_with(&FROM_FRAME);
    (jumps && reads && at - begin <= 16).then_some(begin)
}

/// The place from which on a frame is whole that is set up here.
fn whole_from(stretch: Stretch<'_>, set_up: usize) -> Option<usize> {
    // Without the first push, and `mov`.
    let mut at = set_up + SET_UP.len() - 1;
    let mut words = 0;
    for _ in 0..MOST {
        let instruction = decoded(stretch, at)?;
        at += instruction.len();
        match instruction.flow_control() {
            FlowControl::Next => words += usize::from(instruction.mnemonic() == Mnemonic::Push),
            _ => return None,
        }
        if words == WORDS {
            return Some(at);
        }
    }
    None
}

fn decoded(stretch: Stretch<'_>, at: usize) -> Option<Instruction> {
    let address = stretch.1.checked_add(at as u64)?;
    let bytes = stretch.0.get(at..)?;
    let mut decoder =
        Decoder::with_ip(64, &bytes[..bytes.len().min(16)], address, DecoderOptions::NONE);
    let instruction = decoder.decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// Whether an instruction makes the frame pointer the caller's.
fn ends_frame(instruction: &Instruction) -> bool {
    let pops = instruction.code() == Code::Pop_r64 && instruction.op0_register() == Register::RBP;
    pops || instruction.mnemonic() == Mnemonic::Leave
}

/// Sorted ranges, of which neighbours are one.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    ranges
}

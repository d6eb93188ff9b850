//! From the heights of a function's stack to rules.

use super::functions::Function;
use super::steps::Height;
use crate::rule::registers::{FRAME_POINTER, STACK_POINTER};
use crate::rule::{Cfa, Compact, Restore, ReturnAddress, Rule, Unsupported};
use crate::table::{Code, Source};
use std::ops::Range;

/// Bytes of the return address and of the frame pointer saved next to it.
const WORD: i32 = 8;
/// Bytes of code behind the instruction that makes a frame, until the frame pointer is its own at the latest.
const FRAME_POINTER_SET: u64 = 10;
/// The heights of a function that saves the registers of the C caller: flags pushed, then room for all; and where the frame
/// pointer lies then.
const FLAGS_PUSHED: i32 = 8;
const ALL_SAVED: i32 = 232;
const FP_OF_ALL: i32 = 16;

/// The kind of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usual,
    /// The stack begins with it.
    Begin,
    /// The code that signal handlers return to.
    SignalReturn,
    /// It goes on on another stack, with the frame pointer on the one that it came from.
    Switch,
    /// It goes on on the scheduler's stack at this height, with nothing to return to.
    Scheduler(i32),
    /// It continues on another stack, and its caller cannot be found.
    Lost,
    /// It saves all registers of the C caller.
    FromC,
}

impl Kind {
    /// Until the frame pointer is the function's own it is on the stack that it was called on.
    fn before_frame_pointer(self) -> Self {
        match self {
            Self::Switch | Self::Scheduler(_) => Self::Usual,
            other => other,
        }
    }
}

/// Adds a function's rules.
pub(super) fn add(function: &Function<'_>, heights: &[Height], code: &Code, source: &mut Source) {
    let kind = kind(function, heights);
    let (Some(first), Some(last)) = (heights.first(), heights.last()) else { return };
    if kind == Kind::SignalReturn {
        // The return address is its first address, and is looked up less one.
        let before = first.range.start.saturating_sub(1);
        source.push(before..last.range.end, &Rule::SIGNAL_FRAME);
        return;
    }
    for part in code.within(first.range.start..last.range.end) {
        source.begin();
        let mut row = |range: Range<u64>, kind, height: &Height| {
            let range = range.start.max(part.start)..range.end.min(part.end);
            if range.start < range.end {
                source.row(range, Compact::of(&rule(kind, height.bytes)));
            }
        };
        let framed = heights.iter().find(|height| height.bytes >= WORD);
        let set = framed.map_or(0, |height| height.range.start.saturating_add(FRAME_POINTER_SET));
        for height in heights {
            let Range { start, end } = height.range;
            let set = set.clamp(start, end);
            row(start..set, kind.before_frame_pointer(), height);
            row(set..end, kind, height);
        }
        source.end();
    }
}

fn kind(function: &Function<'_>, heights: &[Height]) -> Kind {
    let most = heights.iter().map(|height| height.bytes).max().unwrap_or(0);
    let from_c = |at: &[Height]| at[0].bytes == FLAGS_PUSHED && at[1].bytes == ALL_SAVED;
    if function.is("runtime.sigreturn__sigaction") || function.is("runtime.sigreturn") {
        Kind::SignalReturn
    } else if function.begins_stack() {
        Kind::Begin
    } else if function.is("runtime.mcall") {
        Kind::Scheduler(most)
    } else if function.switches_stack() && most < WORD {
        Kind::Lost
    } else if function.switches_stack() {
        Kind::Switch
    } else if function.is_assembly() && heights.windows(2).any(from_c) {
        Kind::FromC
    } else {
        Kind::Usual
    }
}

fn rule(kind: Kind, height: i32) -> Rule {
    let sp = |offset: i32| Cfa::Register { register: STACK_POINTER, offset };
    let saved = Restore::AtCfa(-2 * WORD);
    let Some(cfa) = height.checked_add(WORD).filter(|_| height >= 0) else {
        // The function has popped its return address.
        return Rule::unsupported(Unsupported::ReturnAddress);
    };
    match kind {
        Kind::Begin => Rule::END,
        Kind::Scheduler(most) if height == most => Rule::END,
        Kind::Lost => Rule::unsupported(Unsupported::StackSwitch),
        Kind::SignalReturn => Rule::SIGNAL_FRAME,
        // Before the frame pointer is saved nothing is switched yet.
        _ if height < WORD => Rule::of(sp(cfa)),
        // It may point to the other stack, which may lie below.
        Kind::Switch | Kind::Scheduler(_) => {
            let frame = Cfa::Register { register: FRAME_POINTER, offset: 2 * WORD };
            let (fp, ra) = (Restore::AtFramePointer(0), ReturnAddress::AtFramePointer(WORD));
            Rule { fp, ra, ..Rule::of(frame) }
        }
        Kind::FromC if height < ALL_SAVED => Rule::of(sp(cfa)),
        Kind::FromC => {
            let fp = Restore::AtCfa(FP_OF_ALL - ALL_SAVED - WORD);
            Rule { fp, ..Rule::of(sp(cfa)) }
        }
        Kind::Usual => Rule { fp: saved, ..Rule::of(sp(cfa)) },
    }
}

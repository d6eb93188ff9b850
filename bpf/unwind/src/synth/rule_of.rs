//! From the state before an instruction to a rule.

use super::state::{KEPT_BY_CALLEES, State, Value};
use crate::instruction::{RBP, RSP};
use crate::rule::{Cfa, Restore, ReturnAddress, Rule, RuleTrust};

/// The DWARF number of each general register, in the order of their encoding.
const DWARF: [u8; 16] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
/// Registers that may hold the canonical frame address, the likeliest to be known further up a stack first.
const HOLDERS: [u8; 15] = [RBP, 3, 12, 13, 14, 15, 0, 1, 2, 6, 7, 8, 9, 10, 11];

/// The rule to find the caller, from the state before an instruction; `None` if neither the frame nor the caller's frame pointer is
/// known. `wanted` are the registers that callers need, one bit each.
pub(super) fn rule_of(state: &State, wanted: u16) -> Option<Rule> {
    by_frame(state, wanted).or_else(|| guessed(state))
}

fn by_frame(state: &State, wanted: u16) -> Option<Rule> {
    let end = state.frame_end()?;
    let cfa = frame_pointer(state)
        .or_else(|| by_stack_pointer(state, end))
        .or_else(|| by_word(state, end))
        .or_else(|| by_register(state, end))?;
    Some(Rule {
        cfa,
        fp: frame_pointer_of_caller(state, end),
        spare: registers_of_caller(state, wanted),
        ra: ReturnAddress::AtCfa(-8),
        trust: RuleTrust::Synthesised,
    })
}

/// The frame is not known, but the frame pointer is the caller's still.
fn guessed(state: &State) -> Option<Rule> {
    let rule = Rule { trust: RuleTrust::Synthesised, ..Rule::of(Cfa::Guessed) };
    (state.register(RBP) == Value::Entry(RBP)).then_some(rule)
}

/// The rule by frame pointer. After calls that pop their arguments, it is more certain than the height.
fn frame_pointer(state: &State) -> Option<Cfa> {
    let cfa = Cfa::Register { register: DWARF[usize::from(RBP)], offset: 16 };
    state.has_frame_pointer().then_some(cfa)
}

fn by_stack_pointer(state: &State, end: Value) -> Option<Cfa> {
    let offset = i32::try_from(end.above(state.stack_pointer())?).ok()?;
    Some(Cfa::Register { register: DWARF[usize::from(RSP)], offset })
}

/// A word of the frame, found by rsp or rbp, that points into the frame.
fn by_word(state: &State, end: Value) -> Option<Cfa> {
    [RSP, RBP].into_iter().find_map(|register| {
        let base = state.register(register);
        state.slots().iter().find_map(|slot| {
            let add = i32::try_from(end.above(slot.value)?).ok()?;
            let offset = i32::try_from(slot.place.above(base)?).ok()?;
            // Words below the stack pointer are not kept.
            let kept = register != RSP || offset >= 0;
            kept.then_some(Cfa::Deref { register: DWARF[usize::from(register)], offset, add })
        })
    })
}

fn by_register(state: &State, end: Value) -> Option<Cfa> {
    HOLDERS.into_iter().find_map(|register| {
        let offset = i32::try_from(end.above(state.register(register))?).ok()?;
        Some(Cfa::Register { register: DWARF[usize::from(register)], offset })
    })
}

/// The encoded number of the register that a rule's frame address builds on.
pub(super) fn base_of(rule: &Rule) -> u8 {
    let (Cfa::Register { register, .. } | Cfa::Deref { register, .. }) = rule.cfa else {
        return RSP;
    };
    DWARF.iter().position(|&number| number == register).map_or(RSP, |number| number as u8)
}

/// Whether the registers besides rsp and rbp are still the caller's: the saved ones, and those that callers need. Their known values in
/// the frame then also hold in the caller's frame.
fn registers_of_caller(state: &State, wanted: u16) -> Restore {
    let wanted = (KEPT_BY_CALLEES | wanted) & !(1 << RSP | 1 << RBP);
    let mut all = (0..16).filter(|register| wanted >> register & 1 == 1);
    let same = all.all(|register| state.register(register) == Value::Entry(register));
    if same { Restore::Same } else { Restore::Unknown }
}

/// A saved word first: assembly among itself may leave anything in rbp. What lies below the stack pointer comes last.
fn frame_pointer_of_caller(state: &State, end: Value) -> Restore {
    let rsp = state.stack_pointer();
    let saved = |popped: bool| {
        let slots = state.slots().iter().filter(|slot| slot.value == Value::Entry(RBP));
        let mut slots =
            slots.filter(|slot| slot.place.above(rsp).is_some_and(|above| above < 0) == popped);
        slots.find_map(|slot| Some(Restore::AtCfa(i32::try_from(slot.place.above(end)?).ok()?)))
    };
    let same = || (state.register(RBP) == Value::Entry(RBP)).then_some(Restore::Same);
    saved(false).or_else(same).or_else(|| saved(true)).unwrap_or(Restore::Unknown)
}

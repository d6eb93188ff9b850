//! From a row's columns to a rule.

use super::columns::{Address, Column, Row};
use crate::expression::Meaning;
use crate::rule::registers::{FRAME_POINTER, STACK_POINTER};
use crate::rule::{Cfa, Compact, Restore, ReturnAddress, Rule, RuleTrust, Unsupported};

/// The offsets of frame pointer, stack pointer and return address in a signal frame (the kernel's `ucontext`), from the stack pointer.
#[cfg(not(target_arch = "aarch64"))]
const SIGNAL_FRAME: Option<[i32; 3]> = Some([120, 160, 168]);
#[cfg(target_arch = "aarch64")]
const SIGNAL_FRAME: Option<[i32; 3]> = None;

/// A rule in its compact form, and whether the frame pointer got lost on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expressed {
    pub(super) rule: Compact,
    pub(super) lost_frame_pointer: bool,
}

/// The rule of a row. `signal`: of a function that signal handlers return to. `spare`: with the spare register.
#[inline]
pub(super) fn express(row: &Row, signal: bool, spare: bool) -> Expressed {
    if !signal
        && !spare
        && let Some(rule) = usual(row)
    {
        return Expressed { rule, lost_frame_pointer: false };
    }
    let rule = if row.ra == Column::Undefined {
        Ok((Rule::END, false))
    } else if signal {
        signal_frame(row).map(|rule| (rule, false))
    } else {
        step(row, spare)
    };
    let compact = |(rule, lost): (Rule, bool)| match Compact::try_from(&rule) {
        Ok(rule) => Ok(Expressed { rule, lost_frame_pointer: lost }),
        Err(_) => {
            // A register saved too far away: the step itself is still right.
            let known = rule.fp != Restore::Unknown;
            let rule = Rule { fp: Restore::Unknown, spare: Restore::Unknown, ..rule };
            Compact::try_from(&rule)
                .map(|rule| Expressed { rule, lost_frame_pointer: lost || known })
        }
    };
    rule.and_then(compact).unwrap_or_else(|kind| Expressed {
        rule: Compact::unsupported(kind),
        lost_frame_pointer: false,
    })
}

/// The rule of nearly every row.
#[inline]
fn usual(row: &Row) -> Option<Compact> {
    let (Address::Sum { register, offset }, Column::Offset(-8), Column::Same) =
        (row.cfa, row.ra, row.sp)
    else {
        return None;
    };
    match row.fp {
        Column::Same => Compact::usual(register, offset, None),
        Column::Offset(at) => Compact::usual(register, offset, Some(at)),
        _ => None,
    }
}

fn step(row: &Row, spare: bool) -> Result<(Rule, bool), Unsupported> {
    let cfa = match row.cfa {
        Address::Sum { register, offset } => Cfa::Register {
            register: u8::try_from(register).map_err(|_| Unsupported::CfaExpression)?,
            offset: i32::try_from(offset).map_err(|_| Unsupported::Offset)?,
        },
        Address::Computed(Meaning::Register { register, offset }) => {
            Cfa::Register { register, offset }
        }
        Address::Computed(Meaning::Deref { register, offset, add }) => {
            Cfa::Deref { register, offset, add }
        }
        Address::Computed(Meaning::Plt { threshold }) => Cfa::Plt { threshold },
        Address::Computed(Meaning::Other) => return Err(Unsupported::CfaExpression),
    };
    if row.sp != Column::Same {
        return Err(Unsupported::StackPointer);
    }
    let ra = match restore(row.ra, cfa) {
        Some(Restore::AtCfa(at)) => ReturnAddress::AtCfa(at),
        _ => return Err(Unsupported::ReturnAddress),
    };
    let fp = restore(row.fp, cfa);
    let spare = if spare { restore(row.spare, cfa) } else { None };
    let spare = spare.filter(|spare| !matches!(spare, Restore::AtFramePointer(_)));
    let rule = Rule {
        cfa,
        fp: fp.unwrap_or(Restore::Unknown),
        spare: spare.unwrap_or(Restore::Unknown),
        ra,
        trust: RuleTrust::Rule,
    };
    Ok((rule, fp.is_none()))
}

/// The rule for restoring a column's register; `None` if it cannot be expressed.
fn restore(column: Column, cfa: Cfa) -> Option<Restore> {
    Some(match column {
        Column::Same => Restore::Same,
        Column::Undefined => Restore::Unknown,
        Column::Offset(offset) => Restore::AtCfa(i32::try_from(offset).ok()?),
        Column::At(Meaning::Register { register, offset }) => match cfa {
            Cfa::Register { register: base, offset: from } if base == register => {
                Restore::AtCfa(offset.checked_sub(from)?)
            }
            _ if register == FRAME_POINTER => Restore::AtFramePointer(offset),
            _ => return None,
        },
        Column::At(_) | Column::Other => return None,
    })
}

fn signal_frame(row: &Row) -> Result<Rule, Unsupported> {
    let at = |offset| Column::At(Meaning::Register { register: STACK_POINTER, offset });
    let [fp, sp, ra] = SIGNAL_FRAME.ok_or(Unsupported::SignalFrame)?;
    let cfa = Meaning::Deref { register: STACK_POINTER, offset: sp, add: 0 };
    let known = row.cfa == Address::Computed(cfa) && row.fp == at(fp) && row.ra == at(ra);
    known.then_some(Rule::SIGNAL_FRAME).ok_or(Unsupported::SignalFrame)
}

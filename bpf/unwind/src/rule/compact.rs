//! A rule in eight bytes, as the kernel program reads it.
//!
//! | bits | what |
//! |---|---|
//! | 0 to 2 | how the canonical frame address is found; 0: no rule, but for what synthesis knows of the frame pointer |
//! | 3 | synthesised; of a step by the frame pointer: because rules are not there yet |
//! | 4, 5 | frame pointer: same, at the frame address, at the frame pointer, unknown |
//! | 6, 7 | return address: the word below the frame address, none (end), elsewhere by the frame address, by a register |
//! | 8 to 12 | DWARF number of the register; a stub's threshold; the kind of what is not supported |
//! | 13 | 0; the kernel programs use it |
//! | 14, 15 | spare register: unknown, same, at the frame address |
//! | 16 to 23 | frame pointer's place in words, signed |
//! | 24 to 31 | return address's place in words, signed; by a register in half words, odd ones from the stack pointer, even ones from the frame pointer; where it is the usual one the spare register's place |
//! | 32 to 63 | offset in bytes, signed; of a dereference the lower half, with what is added in the upper |

use super::bits::{
    RULE_ADD_SHIFT, RULE_DEREF, RULE_FP_AT_CFA, RULE_FP_AT_FP, RULE_FP_AT_SHIFT, RULE_FP_SAME,
    RULE_FP_SHIFT, RULE_FP_UNKNOWN, RULE_FRAME_POINTER, RULE_NONE, RULE_NUMBER_MASK,
    RULE_NUMBER_SHIFT, RULE_OFFSET_SHIFT, RULE_OTHER_AT_SHIFT, RULE_PLT, RULE_RA_AT_CFA,
    RULE_RA_AT_REGISTER, RULE_RA_END, RULE_RA_SHIFT, RULE_RA_USUAL, RULE_REGISTER,
    RULE_SIGNAL_FRAME, RULE_SPARE_AT_CFA, RULE_SPARE_SAME, RULE_SPARE_SHIFT, RULE_STALE,
    RULE_SYNTHESISED, RULE_UNSUPPORTED,
};
use super::{Cfa, Restore, ReturnAddress, Rule, RuleTrust, Unsupported};

/// A rule in eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Compact(pub u64);

const MOST_NUMBER: u8 = RULE_NUMBER_MASK as u8;
const USUAL_RA: i32 = -8;
/// In the place of a return address relative to a register: the register is the stack pointer.
const BY_STACK_POINTER: u64 = 1 << RULE_OTHER_AT_SHIFT;

impl Compact {
    /// No rule.
    pub const NONE: Self = Self(0);

    /// The compact form of "not supported".
    pub const fn unsupported(kind: Unsupported) -> Self {
        Self(RULE_UNSUPPORTED | (kind as u64) << RULE_NUMBER_SHIFT)
    }

    /// A rule's compact form, or of why it has none.
    pub fn of(rule: &Rule) -> Self {
        Self::try_from(rule).unwrap_or_else(Self::unsupported)
    }

    /// The most common kind of rule, made directly: `register + offset`, the return address at its usual place, and the frame pointer
    /// saved at an offset from the frame address or unchanged. `None` if it does not fit.
    #[inline]
    pub(crate) fn usual(register: u16, offset: i64, fp: Option<i64>) -> Option<Self> {
        let offset = i32::try_from(offset).ok()?;
        let fp = match fp {
            None => RULE_FP_SAME << RULE_FP_SHIFT,
            Some(at @ -1024..=1016) if at % 8 == 0 => {
                RULE_FP_AT_CFA << RULE_FP_SHIFT | u64::from((at / 8) as u8) << RULE_FP_AT_SHIFT
            }
            Some(_) => return None,
        };
        let register = u64::from(register) << RULE_NUMBER_SHIFT;
        let fits = register <= u64::from(MOST_NUMBER) << RULE_NUMBER_SHIFT;
        fits.then_some(Self(
            RULE_REGISTER | register | fp | u64::from(offset as u32) << RULE_OFFSET_SHIFT,
        ))
    }

    /// The rule; `None` if there is no rule, or the bits are not valid.
    pub fn rule(self) -> Option<Rule> {
        let kind = self.unsupported_kind();
        if let Some(kind) = kind {
            return Some(Rule::unsupported(kind));
        }
        let cfa = self.cfa()?;
        let fp = match self.bits(RULE_FP_SHIFT, 2) {
            RULE_FP_SAME => Restore::Same,
            RULE_FP_AT_CFA => Restore::AtCfa(self.words(RULE_FP_AT_SHIFT)),
            RULE_FP_AT_FP => Restore::AtFramePointer(self.words(RULE_FP_AT_SHIFT)),
            _ => Restore::Unknown,
        };
        let ra = match self.bits(RULE_RA_SHIFT, 2) {
            RULE_RA_USUAL => ReturnAddress::AtCfa(USUAL_RA),
            RULE_RA_END => ReturnAddress::End,
            RULE_RA_AT_CFA => ReturnAddress::AtCfa(self.words(RULE_OTHER_AT_SHIFT)),
            _ => {
                let at = i32::from((self.0 >> RULE_OTHER_AT_SHIFT) as i8 >> 1) * 8;
                match self.0 & BY_STACK_POINTER {
                    0 => ReturnAddress::AtFramePointer(at),
                    _ => ReturnAddress::AtStackPointer(at),
                }
            }
        };
        let spare = match self.bits(RULE_SPARE_SHIFT, 2) {
            0 => Restore::Unknown,
            RULE_SPARE_SAME => Restore::Same,
            RULE_SPARE_AT_CFA if self.bits(RULE_RA_SHIFT, 2) == RULE_RA_USUAL => {
                Restore::AtCfa(self.words(RULE_OTHER_AT_SHIFT))
            }
            _ => return None,
        };
        let trust = match self.0 & RULE_SYNTHESISED {
            0 => RuleTrust::Rule,
            _ if cfa == Cfa::NotYet => RuleTrust::Rule,
            _ => RuleTrust::Synthesised,
        };
        Some(Rule { cfa, fp, spare, ra, trust })
    }

    /// The kind of an unsupported rule.
    pub fn unsupported_kind(self) -> Option<Unsupported> {
        let number = usize::try_from(self.bits(RULE_NUMBER_SHIFT, 5)).ok()?;
        (self.bits(0, 3) == RULE_UNSUPPORTED).then(|| Unsupported::ALL.get(number).copied())?
    }

    /// Whether a walk may come to another stack by it: the return address is found by a register.
    pub fn may_switch_stacks(self) -> bool {
        self.bits(RULE_RA_SHIFT, 2) == RULE_RA_AT_REGISTER
    }

    fn cfa(self) -> Option<Cfa> {
        let register = self.bits(RULE_NUMBER_SHIFT, 5) as u8;
        let half = |shift: u64| i32::from((self.0 >> shift) as i16);
        Some(match self.bits(0, 3) {
            RULE_REGISTER => {
                Cfa::Register { register, offset: (self.0 >> RULE_OFFSET_SHIFT) as i32 }
            }
            RULE_DEREF => {
                Cfa::Deref { register, offset: half(RULE_OFFSET_SHIFT), add: half(RULE_ADD_SHIFT) }
            }
            RULE_PLT => Cfa::Plt { threshold: register & 15 },
            RULE_SIGNAL_FRAME => Cfa::SignalFrame,
            RULE_FRAME_POINTER if self.0 & RULE_STALE != 0 => Cfa::NotYet,
            RULE_FRAME_POINTER => Cfa::FramePointer,
            RULE_NONE if self.0 & RULE_SYNTHESISED != 0 => Cfa::Guessed,
            _ => return None,
        })
    }

    fn bits(self, shift: u64, count: u64) -> u64 {
        self.0 >> shift & ((1 << count) - 1)
    }

    /// The signed number of words at a bit, in bytes.
    fn words(self, shift: u64) -> i32 {
        i32::from((self.0 >> shift) as i8) * 8
    }
}

impl TryFrom<&Rule> for Compact {
    type Error = Unsupported;

    fn try_from(rule: &Rule) -> Result<Self, Unsupported> {
        let cfa = cfa_bits(rule.cfa)?;
        if rule.cfa == Cfa::Guessed && rule.trust != RuleTrust::Synthesised {
            return Err(Unsupported::CfaExpression);
        }
        let fp = match rule.fp {
            Restore::Same => RULE_FP_SAME << RULE_FP_SHIFT,
            Restore::AtCfa(at) => RULE_FP_AT_CFA << RULE_FP_SHIFT | words(at)? << RULE_FP_AT_SHIFT,
            Restore::AtFramePointer(at) => {
                RULE_FP_AT_FP << RULE_FP_SHIFT | words(at)? << RULE_FP_AT_SHIFT
            }
            Restore::Unknown => RULE_FP_UNKNOWN << RULE_FP_SHIFT,
        };
        let ra = match rule.ra {
            ReturnAddress::AtCfa(USUAL_RA) => RULE_RA_USUAL << RULE_RA_SHIFT,
            ReturnAddress::AtCfa(at) => {
                RULE_RA_AT_CFA << RULE_RA_SHIFT | words(at)? << RULE_OTHER_AT_SHIFT
            }
            ReturnAddress::AtFramePointer(at) => {
                RULE_RA_AT_REGISTER << RULE_RA_SHIFT | half_words(at)? << RULE_OTHER_AT_SHIFT
            }
            ReturnAddress::AtStackPointer(at) => {
                RULE_RA_AT_REGISTER << RULE_RA_SHIFT
                    | half_words(at)? << RULE_OTHER_AT_SHIFT
                    | BY_STACK_POINTER
            }
            ReturnAddress::End => RULE_RA_END << RULE_RA_SHIFT,
            ReturnAddress::Unsupported(kind) => return Err(kind),
        };
        let spare = match rule.spare {
            Restore::Unknown => 0,
            Restore::Same => RULE_SPARE_SAME << RULE_SPARE_SHIFT,
            Restore::AtCfa(at) if rule.ra == ReturnAddress::AtCfa(USUAL_RA) => {
                RULE_SPARE_AT_CFA << RULE_SPARE_SHIFT | words(at)? << RULE_OTHER_AT_SHIFT
            }
            Restore::AtCfa(_) | Restore::AtFramePointer(_) => return Err(Unsupported::Offset),
        };
        let trust = match (rule.trust, rule.cfa) {
            (_, Cfa::FramePointer | Cfa::NotYet) | (RuleTrust::Rule, _) => 0,
            (RuleTrust::Synthesised, _) => RULE_SYNTHESISED,
        };
        Ok(Self(cfa | fp | ra | spare | trust))
    }
}

fn cfa_bits(cfa: Cfa) -> Result<u64, Unsupported> {
    let number = |number: u8| match number {
        0..=MOST_NUMBER => Ok(u64::from(number) << RULE_NUMBER_SHIFT),
        _ => Err(Unsupported::Offset),
    };
    let half = |value: i32| match i16::try_from(value) {
        Ok(value) => Ok(u64::from(value as u16)),
        Err(_) => Err(Unsupported::Offset),
    };
    Ok(match cfa {
        Cfa::Register { register, offset } => {
            RULE_REGISTER | number(register)? | u64::from(offset as u32) << RULE_OFFSET_SHIFT
        }
        Cfa::Deref { register, offset, add } => {
            let (offset, add) = (half(offset)? << RULE_OFFSET_SHIFT, half(add)? << RULE_ADD_SHIFT);
            RULE_DEREF | number(register)? | offset | add
        }
        Cfa::Plt { threshold: threshold @ 0..=15 } => RULE_PLT | number(threshold)?,
        Cfa::Plt { .. } => return Err(Unsupported::CfaExpression),
        Cfa::SignalFrame => RULE_SIGNAL_FRAME,
        Cfa::FramePointer => RULE_FRAME_POINTER,
        Cfa::Guessed => RULE_NONE,
        Cfa::NotYet => RULE_FRAME_POINTER | RULE_STALE,
    })
}

/// Bytes as a signed number of words in eight bits.
fn words(bytes: i32) -> Result<u64, Unsupported> {
    if bytes % 8 != 0 {
        return Err(Unsupported::Offset);
    }
    i8::try_from(bytes / 8).map(|words| u64::from(words as u8)).map_err(|_| Unsupported::Offset)
}

/// Bytes as a signed number of words in the upper seven of eight bits.
fn half_words(bytes: i32) -> Result<u64, Unsupported> {
    match bytes {
        -512..=504 if bytes % 8 == 0 => words(2 * bytes),
        _ => Err(Unsupported::Offset),
    }
}

#[cfg(test)]
mod tests;

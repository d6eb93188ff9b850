//! A rule in eight bytes, as the kernel program reads it.
//!
//! | bits | what |
//! |---|---|
//! | 0 to 2 | how the canonical frame address is found; 0: no rule, but for what synthesis knows of the frame pointer |
//! | 3 | synthesised; of a step by the frame pointer: because rules are not there yet |
//! | 4, 5 | frame pointer: same, at the frame address, at the frame pointer, unknown |
//! | 6, 7 | return address: the word below the frame address, none (end), elsewhere by the frame address, by a register |
//! | 8 to 13 | DWARF number of the register; a stub's threshold; the kind of what is not supported |
//! | 14, 15 | spare register: unknown, same, at the frame address |
//! | 16 to 23 | frame pointer's place in words, signed |
//! | 24 to 31 | return address's place in words, signed; by a register in half words, odd ones from the stack pointer, even ones from the frame pointer; where it is the usual one the spare register's place |
//! | 32 to 63 | offset in bytes, signed; of a dereference the lower half, with what is added in the upper |

use super::{Cfa, Restore, ReturnAddress, Rule, RuleTrust, Unsupported};

/// A rule in eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Compact(pub u64);

const REGISTER: u64 = 1;
const DEREF: u64 = 2;
const PLT: u64 = 3;
const SIGNAL_FRAME: u64 = 4;
const FRAME_POINTER: u64 = 5;
const UNSUPPORTED: u64 = 6;

const SYNTHESISED: u64 = 1 << 3;
const NOT_YET: u64 = 1 << 3;
const FP_SHIFT: u32 = 4;
const RA_SHIFT: u32 = 6;
const NUMBER_SHIFT: u32 = 8;
const SPARE_SHIFT: u32 = 14;
const FP_AT_SHIFT: u32 = 16;
const OTHER_AT_SHIFT: u32 = 24;
const OFFSET_SHIFT: u32 = 32;
const ADD_SHIFT: u32 = 48;

const MOST_NUMBER: u8 = 63;
const USUAL_RA: i32 = -8;
const RA_END: u64 = 1;
const RA_AT_CFA: u64 = 2;
const RA_AT_REGISTER: u64 = 3;
/// Of a return address's place by a register: it is the stack pointer.
const BY_STACK_POINTER: u64 = 1 << OTHER_AT_SHIFT;

impl Compact {
    /// Where there is no rule.
    pub const NONE: Self = Self(0);

    /// The compact form of "not supported".
    pub const fn unsupported(kind: Unsupported) -> Self {
        Self(UNSUPPORTED | (kind as u64) << NUMBER_SHIFT)
    }

    /// A rule's compact form, or of why it has none.
    pub fn of(rule: &Rule) -> Self {
        Self::try_from(rule).unwrap_or_else(Self::unsupported)
    }

    /// The rule of nearly every address, made at once: `register + offset`, the return address at its usual place, and the
    /// frame pointer saved so many bytes from the frame address or unchanged. `None` where it does not fit.
    #[inline]
    pub(crate) fn usual(register: u16, offset: i64, fp: Option<i64>) -> Option<Self> {
        let offset = i32::try_from(offset).ok()?;
        let fp = match fp {
            None => 0,
            Some(at @ -1024..=1016) if at % 8 == 0 => {
                1 << FP_SHIFT | u64::from((at / 8) as u8) << FP_AT_SHIFT
            }
            Some(_) => return None,
        };
        let register = u64::from(register) << NUMBER_SHIFT;
        let fits = register <= u64::from(MOST_NUMBER) << NUMBER_SHIFT;
        fits.then_some(Self(REGISTER | register | fp | u64::from(offset as u32) << OFFSET_SHIFT))
    }

    /// The rule; `None` where there is none, or the bits are no rule's.
    pub fn rule(self) -> Option<Rule> {
        let kind = self.unsupported_kind();
        if let Some(kind) = kind {
            return Some(Rule::unsupported(kind));
        }
        let cfa = self.cfa()?;
        let fp = match self.bits(FP_SHIFT, 2) {
            0 => Restore::Same,
            1 => Restore::AtCfa(self.words(FP_AT_SHIFT)),
            2 => Restore::AtFramePointer(self.words(FP_AT_SHIFT)),
            _ => Restore::Unknown,
        };
        let ra = match self.bits(RA_SHIFT, 2) {
            0 => ReturnAddress::AtCfa(USUAL_RA),
            RA_END => ReturnAddress::End,
            RA_AT_CFA => ReturnAddress::AtCfa(self.words(OTHER_AT_SHIFT)),
            _ => {
                let at = i32::from((self.0 >> OTHER_AT_SHIFT) as i8 >> 1) * 8;
                match self.0 & BY_STACK_POINTER {
                    0 => ReturnAddress::AtFramePointer(at),
                    _ => ReturnAddress::AtStackPointer(at),
                }
            }
        };
        let spare = match self.bits(SPARE_SHIFT, 2) {
            0 => Restore::Unknown,
            1 => Restore::Same,
            2 if self.bits(RA_SHIFT, 2) == 0 => Restore::AtCfa(self.words(OTHER_AT_SHIFT)),
            _ => return None,
        };
        let trust = match self.0 & SYNTHESISED {
            0 => RuleTrust::Rule,
            _ if cfa == Cfa::NotYet => RuleTrust::Rule,
            _ => RuleTrust::Synthesised,
        };
        Some(Rule { cfa, fp, spare, ra, trust })
    }

    /// Why it is not supported, where it is not.
    pub fn unsupported_kind(self) -> Option<Unsupported> {
        let number = usize::try_from(self.bits(NUMBER_SHIFT, 6)).ok()?;
        (self.bits(0, 3) == UNSUPPORTED).then(|| Unsupported::ALL.get(number).copied())?
    }

    /// Whether a walk may come to another stack by it: the return address is found by a register.
    pub fn may_switch_stacks(self) -> bool {
        self.bits(RA_SHIFT, 2) == RA_AT_REGISTER
    }

    fn cfa(self) -> Option<Cfa> {
        let register = self.bits(NUMBER_SHIFT, 6) as u8;
        let half = |shift| i32::from((self.0 >> shift) as i16);
        Some(match self.bits(0, 3) {
            REGISTER => Cfa::Register { register, offset: (self.0 >> OFFSET_SHIFT) as i32 },
            DEREF => Cfa::Deref { register, offset: half(OFFSET_SHIFT), add: half(ADD_SHIFT) },
            PLT => Cfa::Plt { threshold: register & 15 },
            SIGNAL_FRAME => Cfa::SignalFrame,
            FRAME_POINTER if self.0 & NOT_YET != 0 => Cfa::NotYet,
            FRAME_POINTER => Cfa::FramePointer,
            0 if self.0 & SYNTHESISED != 0 => Cfa::Guessed,
            _ => return None,
        })
    }

    fn bits(self, shift: u32, count: u32) -> u64 {
        self.0 >> shift & ((1 << count) - 1)
    }

    /// The bytes that the signed number of words at a bit stands for.
    fn words(self, shift: u32) -> i32 {
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
            Restore::Same => 0,
            Restore::AtCfa(at) => 1 << FP_SHIFT | words(at)? << FP_AT_SHIFT,
            Restore::AtFramePointer(at) => 2 << FP_SHIFT | words(at)? << FP_AT_SHIFT,
            Restore::Unknown => 3 << FP_SHIFT,
        };
        let ra = match rule.ra {
            ReturnAddress::AtCfa(USUAL_RA) => 0,
            ReturnAddress::AtCfa(at) => RA_AT_CFA << RA_SHIFT | words(at)? << OTHER_AT_SHIFT,
            ReturnAddress::AtFramePointer(at) => {
                RA_AT_REGISTER << RA_SHIFT | half_words(at)? << OTHER_AT_SHIFT
            }
            ReturnAddress::AtStackPointer(at) => {
                RA_AT_REGISTER << RA_SHIFT | half_words(at)? << OTHER_AT_SHIFT | BY_STACK_POINTER
            }
            ReturnAddress::End => RA_END << RA_SHIFT,
            ReturnAddress::Unsupported(kind) => return Err(kind),
        };
        let spare = match rule.spare {
            Restore::Unknown => 0,
            Restore::Same => 1 << SPARE_SHIFT,
            Restore::AtCfa(at) if rule.ra == ReturnAddress::AtCfa(USUAL_RA) => {
                2 << SPARE_SHIFT | words(at)? << OTHER_AT_SHIFT
            }
            Restore::AtCfa(_) | Restore::AtFramePointer(_) => return Err(Unsupported::Offset),
        };
        let trust = match (rule.trust, rule.cfa) {
            (_, Cfa::FramePointer | Cfa::NotYet) | (RuleTrust::Rule, _) => 0,
            (RuleTrust::Synthesised, _) => SYNTHESISED,
        };
        Ok(Self(cfa | fp | ra | spare | trust))
    }
}

fn cfa_bits(cfa: Cfa) -> Result<u64, Unsupported> {
    let number = |number: u8| match number {
        0..=MOST_NUMBER => Ok(u64::from(number) << NUMBER_SHIFT),
        _ => Err(Unsupported::Offset),
    };
    let half = |value: i32| match i16::try_from(value) {
        Ok(value) => Ok(u64::from(value as u16)),
        Err(_) => Err(Unsupported::Offset),
    };
    Ok(match cfa {
        Cfa::Register { register, offset } => {
            REGISTER | number(register)? | u64::from(offset as u32) << OFFSET_SHIFT
        }
        Cfa::Deref { register, offset, add } => {
            let (offset, add) = (half(offset)? << OFFSET_SHIFT, half(add)? << ADD_SHIFT);
            DEREF | number(register)? | offset | add
        }
        Cfa::Plt { threshold: threshold @ 0..=15 } => PLT | number(threshold)?,
        Cfa::Plt { .. } => return Err(Unsupported::CfaExpression),
        Cfa::SignalFrame => SIGNAL_FRAME,
        Cfa::FramePointer => FRAME_POINTER,
        Cfa::Guessed => 0,
        Cfa::NotYet => FRAME_POINTER | NOT_YET,
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

//! A rule in eight bytes, as the kernel program reads it.
//!
//! | bits | what |
//! |---|---|
//! | 0 to 2 | how the canonical frame address is found; 0: no rule |
//! | 3 | synthesised |
//! | 4, 5 | frame pointer: same, at the frame address, at the frame pointer, unknown |
//! | 6, 7 | return address: the word below the frame address, none (end), elsewhere by the frame address |
//! | 8 to 13 | DWARF number of the register; a stub's threshold; the kind of what is not supported |
//! | 14, 15 | spare register: unknown, same, at the frame address |
//! | 16 to 23 | frame pointer's place in words, signed |
//! | 24 to 31 | return address's place in words, signed; where that is the usual one the spare register's |
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
            _ => return None,
        };
        let spare = match self.bits(SPARE_SHIFT, 2) {
            0 => Restore::Unknown,
            1 => Restore::Same,
            2 if self.bits(RA_SHIFT, 2) == 0 => Restore::AtCfa(self.words(OTHER_AT_SHIFT)),
            _ => return None,
        };
        let trust = match self.0 & SYNTHESISED {
            0 => RuleTrust::Rule,
            _ => RuleTrust::Synthesised,
        };
        Some(Rule { cfa, fp, spare, ra, trust })
    }

    /// Why it is not supported, where it is not.
    pub fn unsupported_kind(self) -> Option<Unsupported> {
        let number = usize::try_from(self.bits(NUMBER_SHIFT, 6)).ok()?;
        (self.bits(0, 3) == UNSUPPORTED).then(|| Unsupported::ALL.get(number).copied())?
    }

    fn cfa(self) -> Option<Cfa> {
        let register = self.bits(NUMBER_SHIFT, 6) as u8;
        let half = |shift| i32::from((self.0 >> shift) as i16);
        Some(match self.bits(0, 3) {
            REGISTER => Cfa::Register { register, offset: (self.0 >> OFFSET_SHIFT) as i32 },
            DEREF => Cfa::Deref { register, offset: half(OFFSET_SHIFT), add: half(ADD_SHIFT) },
            PLT => Cfa::Plt { threshold: register & 15 },
            SIGNAL_FRAME => Cfa::SignalFrame,
            FRAME_POINTER => Cfa::FramePointer,
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
        let fp = match rule.fp {
            Restore::Same => 0,
            Restore::AtCfa(at) => 1 << FP_SHIFT | words(at)? << FP_AT_SHIFT,
            Restore::AtFramePointer(at) => 2 << FP_SHIFT | words(at)? << FP_AT_SHIFT,
            Restore::Unknown => 3 << FP_SHIFT,
        };
        let ra = match rule.ra {
            ReturnAddress::AtCfa(USUAL_RA) => 0,
            ReturnAddress::AtCfa(at) => RA_AT_CFA << RA_SHIFT | words(at)? << OTHER_AT_SHIFT,
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
        let trust = match rule.trust {
            RuleTrust::Rule => 0,
            RuleTrust::Synthesised => SYNTHESISED,
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
    })
}

/// Bytes as a signed number of words in eight bits.
fn words(bytes: i32) -> Result<u64, Unsupported> {
    if bytes % 8 != 0 {
        return Err(Unsupported::Offset);
    }
    i8::try_from(bytes / 8).map(|words| u64::from(words as u8)).map_err(|_| Unsupported::Offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restores() -> Vec<Restore> {
        let at = [-1024, -56, -8, 0, 8, 1016, -1032, 1024, 4];
        let mut all = vec![Restore::Same, Restore::Unknown];
        all.extend(at.map(Restore::AtCfa));
        all.extend(at.map(Restore::AtFramePointer));
        all
    }

    fn cfas() -> Vec<Cfa> {
        let mut all = vec![Cfa::SignalFrame, Cfa::FramePointer];
        all.extend((0..18).map(|threshold| Cfa::Plt { threshold }));
        for register in [0, 6, 7, 31, 63, 64, 255] {
            for offset in [0, 8, -8, 17, 1 << 15, i32::MIN, i32::MAX] {
                all.push(Cfa::Register { register, offset });
                for add in [0, 8, -32768, 32767, 32768] {
                    all.push(Cfa::Deref { register, offset, add });
                }
            }
        }
        all
    }

    #[test]
    fn every_rule_comes_back_or_is_refused() {
        let (mut kept, mut refused) = (0, 0);
        for cfa in cfas() {
            for fp in restores() {
                for spare in restores() {
                    for ra in [-8, -16, 64, 5, 4096].map(ReturnAddress::AtCfa) {
                        let rule = Rule { cfa, fp, spare, ra, trust: RuleTrust::Synthesised };
                        match Compact::try_from(&rule) {
                            Ok(compact) => {
                                assert_eq!(compact.rule(), Some(rule));
                                kept += 1;
                            }
                            Err(kind) => {
                                assert_eq!(
                                    Compact::of(&rule).rule(),
                                    Some(Rule::unsupported(kind))
                                );
                                refused += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(kept > 10_000 && refused > 10_000, "{kept} kept, {refused} refused");
    }

    #[test]
    fn the_usual_rules_are_kept() {
        let usual = [
            Rule::END,
            Rule::SIGNAL_FRAME,
            Rule::FRAME_POINTER,
            Rule::of(Cfa::Register { register: 7, offset: 8 }),
            Rule { fp: Restore::AtCfa(-16), ..Rule::of(Cfa::Register { register: 6, offset: 16 }) },
            Rule {
                fp: Restore::AtFramePointer(0),
                ..Rule::of(Cfa::Deref { register: 6, offset: -8, add: 0 })
            },
            Rule {
                spare: Restore::AtCfa(-56),
                ..Rule::of(Cfa::Register { register: 7, offset: 1 << 20 })
            },
        ];
        for rule in usual {
            assert_eq!(Compact::of(&rule).rule(), Some(rule));
        }
        for kind in Unsupported::ALL {
            assert_eq!(Compact::unsupported(kind).unsupported_kind(), Some(kind));
        }
        assert_eq!(Compact::NONE.rule(), None);
    }

    #[test]
    fn any_bits_are_read_without_panic() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if let Some(rule) = Compact(bits).rule() {
                assert!(Compact::of(&rule).rule() == Some(rule), "{rule:?}");
            }
        }
    }
}

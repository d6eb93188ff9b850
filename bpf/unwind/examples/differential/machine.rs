//! A made-up machine: what a rule says there is compared with what gimli's row says.

use gimli::{
    CfaRule, EndianSlice, EvaluationResult, LittleEndian, Location, RegisterRule, UnwindExpression,
    UnwindSection, UnwindTableRow, Value,
};

use super::{Cfa, Restore, ReturnAddress, Rule, SPARE};

pub(crate) type Bytes<'a> = EndianSlice<'a, LittleEndian>;

const ENCODING: gimli::Encoding =
    gimli::Encoding { format: gimli::Format::Dwarf32, version: 4, address_size: 8 };

const RBP: u16 = 6;
const RSP: u16 = 7;
const RIP: u16 = 16;

/// Registers and memory that tell any two places apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) rip: u64,
}

/// The value of a register after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Value(u64),
    /// It has no value there.
    Undefined,
    /// It cannot be said.
    Unknown,
}

/// The caller's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) sp: Found,
    pub(crate) fp: Found,
    pub(crate) spare: Found,
    pub(crate) ra: Found,
}

impl Machine {
    fn register(&self, number: u16) -> u64 {
        match number {
            RIP => self.rip,
            _ => scatter(0x5eed + u64::from(number)),
        }
    }

    /// The word at an address.
    fn word(&self, address: u64) -> u64 {
        scatter(address ^ 0x0ddb_a11d)
    }

    fn at(&self, number: u8, offset: i32) -> u64 {
        self.register(number.into()).wrapping_add_signed(offset.into())
    }

    /// The result of one of our rules; `None` if the rule is an unsupported one.
    pub(crate) fn follow(&self, rule: &Rule) -> Option<Step> {
        let cfa = match rule.cfa {
            Cfa::Register { register, offset } => self.at(register, offset),
            Cfa::Deref { register, offset, add } => {
                self.word(self.at(register, offset)).wrapping_add_signed(add.into())
            }
            Cfa::Plt { threshold } if self.rip & 15 >= threshold.into() => self.at(7, 16),
            Cfa::Plt { .. } => self.at(7, 8),
            Cfa::FramePointer | Cfa::NotYet => self.at(6, 16),
            Cfa::Guessed => return None,
            Cfa::SignalFrame => {
                let saved = |offset| Found::Value(self.word(self.at(7, offset)));
                let [fp, spare, sp, ra] = [120, 128, 160, 168].map(saved);
                return Some(Step { sp, fp, spare, ra });
            }
        };
        let below = |offset: i32| Found::Value(self.word(cfa.wrapping_add_signed(offset.into())));
        let restore = |restore, number| match restore {
            Restore::Same => Found::Value(self.register(number)),
            Restore::AtCfa(offset) => below(offset),
            Restore::AtFramePointer(offset) => Found::Value(self.word(self.at(6, offset))),
            Restore::Unknown => Found::Unknown,
        };
        let ra = match rule.ra {
            ReturnAddress::AtCfa(offset) => below(offset),
            ReturnAddress::AtFramePointer(offset) => Found::Value(self.word(self.at(6, offset))),
            ReturnAddress::AtStackPointer(offset) => Found::Value(self.word(self.at(7, offset))),
            ReturnAddress::End => Found::Undefined,
            ReturnAddress::Unsupported(_) => return None,
        };
        let (fp, spare) = (restore(rule.fp, RBP), restore(rule.spare, SPARE.into()));
        Some(Step { sp: Found::Value(cfa), fp, spare, ra })
    }

    /// The result of gimli's row; `None` if gimli cannot compute it.
    pub(crate) fn follow_row<'a, S: UnwindSection<Bytes<'a>>>(
        &self,
        row: &UnwindTableRow<usize>,
        section: &S,
    ) -> Option<Step> {
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                self.register(register.0).wrapping_add_signed(*offset)
            }
            CfaRule::Expression(expression) => self.compute(expression, section, None)?,
        };
        let saved = |at| Found::Value(self.word(at));
        let caller = |number: u16| {
            Some(match row.register(gimli::Register(number)) {
                None if number == RIP => Found::Unknown,
                None if number == RSP => Found::Value(cfa),
                None | Some(RegisterRule::SameValue) => Found::Value(self.register(number)),
                Some(RegisterRule::Undefined) => Found::Undefined,
                Some(RegisterRule::Offset(offset)) => saved(cfa.wrapping_add_signed(offset)),
                Some(RegisterRule::ValOffset(offset)) => {
                    Found::Value(cfa.wrapping_add_signed(offset))
                }
                Some(RegisterRule::Register(other)) => Found::Value(self.register(other.0)),
                Some(RegisterRule::Expression(place)) => {
                    saved(self.compute(&place, section, Some(cfa))?)
                }
                Some(RegisterRule::ValExpression(value)) => {
                    Found::Value(self.compute(&value, section, Some(cfa))?)
                }
                Some(_) => Found::Unknown,
            })
        };
        let (sp, fp) = (caller(RSP)?, caller(RBP)?);
        Some(Step { sp, fp, spare: caller(SPARE.into())?, ra: caller(RIP)? })
    }

    /// The value of an expression, by gimli's own evaluation.
    fn compute<'a, S: UnwindSection<Bytes<'a>>>(
        &self,
        expression: &UnwindExpression<usize>,
        section: &S,
        initial: Option<u64>,
    ) -> Option<u64> {
        let mut evaluation = expression.get(section).ok()?.evaluation(ENCODING);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
        }
        let mut result = evaluation.evaluate().ok()?;
        while result != EvaluationResult::Complete {
            let value = match result {
                EvaluationResult::RequiresRegister { register, .. } => {
                    evaluation.resume_with_register(Value::Generic(self.register(register.0)))
                }
                EvaluationResult::RequiresMemory { address, size: 8, .. } => {
                    evaluation.resume_with_memory(Value::Generic(self.word(address)))
                }
                _ => return None,
            };
            result = value.ok()?;
        }
        match evaluation.as_result() {
            [gimli::Piece { location: Location::Address { address }, .. }] => Some(*address),
            _ => None,
        }
    }
}

/// A word that stands for one place alone.
fn scatter(word: u64) -> u64 {
    let mixed = (word ^ word >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16 << 3
}

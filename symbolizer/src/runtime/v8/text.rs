//! V8's strings: of one or two bytes a character, joined, cut out of others, moved, or outside of the heap.

use super::heap::{Heap, Pointer};

/// The most strings that lead to the characters of one.
const MOST_STEPS: usize = 64;

/// The bits of a string's type.
const NO_STRING: u16 = 0xff80;
const FORM: u16 = 7;
const ONE_BYTE: u16 = 8;
/// Of an external string: the address of its characters is not in the object.
const UNCACHED: u16 = 16;

const IN_SEQUENCE: u16 = 0;
const JOINED: u16 = 1;
const EXTERNAL: u16 = 2;
const CUT_OUT: u16 = 3;
const MOVED: u16 = 5;

const LENGTH: u64 = 12;
const FIRST: u64 = 16;
const SECOND: u64 = 24;

/// The characters of a string that has them in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flat {
    at: u64,
    wide: bool,
    /// Their number.
    pub(super) length: u64,
}

/// A string, resolved by one step.
enum Step {
    Flat(Flat),
    Joined(Pointer, Pointer),
    CutOut(Pointer, u64),
    Moved(Pointer),
}

impl Heap<'_> {
    /// Whether an object is a string.
    pub(super) fn is_text(&self, object: Pointer) -> bool {
        self.kind(object).is_some_and(|kind| kind & NO_STRING == 0)
    }

    fn step(&self, string: Pointer) -> Option<Step> {
        let kind = self.kind(string).filter(|kind| kind & NO_STRING == 0)?;
        let flat = |at| {
            let length = self.number(string, LENGTH)?.into();
            Some(Step::Flat(Flat { at, wide: kind & ONE_BYTE == 0, length }))
        };
        match kind & FORM {
            IN_SEQUENCE => flat(string.address().checked_add(FIRST)?),
            EXTERNAL if kind & UNCACHED == 0 => flat(self.field(string, SECOND)?),
            JOINED => Some(Step::Joined(self.object(string, FIRST)?, self.object(string, SECOND)?)),
            CUT_OUT => {
                let offset = u64::try_from(self.small(string, SECOND)?).ok()?;
                Some(Step::CutOut(self.object(string, FIRST)?, offset))
            }
            MOVED => Some(Step::Moved(self.object(string, FIRST)?)),
            _ => None,
        }
    }

    /// The characters of a string that is in one piece, as sources are.
    pub(super) fn flat(&self, string: Pointer) -> Option<Flat> {
        let length: u64 = self.number(string, LENGTH)?.into();
        let (mut string, mut skipped) = (string, 0_u64);
        for _ in 0..MOST_STEPS {
            match self.step(string)? {
                Step::Flat(flat) => {
                    let end = skipped.checked_add(length)?;
                    let width = if flat.wide { 2 } else { 1 };
                    let at = flat.at.checked_add(skipped.checked_mul(width)?)?;
                    return (end <= flat.length).then_some(Flat { at, length, ..flat });
                }
                Step::Joined(first, second) if self.number(second, LENGTH)? == 0 => string = first,
                Step::Joined(..) => return None,
                Step::CutOut(parent, offset) => {
                    skipped = skipped.checked_add(offset)?;
                    string = parent;
                }
                Step::Moved(to) => string = to,
            }
        }
        None
    }

    /// Characters of a flat string from an index on, if they have one byte each.
    pub(super) fn narrow(&self, flat: Flat, from: u64, count: u64) -> Option<Vec<u8>> {
        let count = count.min(flat.length.checked_sub(from)?);
        if flat.wide { None } else { self.read(flat.at.checked_add(from)?, count) }
    }

    /// Characters of a flat string from an index on, as 16-bit units.
    pub(super) fn units(&self, flat: Flat, from: u64, count: u64) -> Option<Vec<u16>> {
        if !flat.wide {
            return Some(self.narrow(flat, from, count)?.into_iter().map(u16::from).collect());
        }
        let count = count.min(flat.length.checked_sub(from)?);
        let bytes = self.read(flat.at.checked_add(from.checked_mul(2)?)?, count.checked_mul(2)?)?;
        Some(bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect())
    }

    /// The text of a string, cut to `most` characters. `None`: it is no string, or cannot be read.
    pub(super) fn text(&self, string: Pointer, most: u64) -> Option<String> {
        let mut units: Vec<u16> = Vec::new();
        let mut rest = vec![string];
        for _ in 0..MOST_STEPS {
            let Some(string) = rest.pop() else { break };
            let room = most.saturating_sub(units.len() as u64);
            if room == 0 {
                break;
            }
            match self.step(string)? {
                Step::Flat(flat) => units.extend(self.units(flat, 0, room)?),
                Step::Joined(first, second) => rest.extend([second, first]),
                Step::CutOut(..) => units.extend(self.units(self.flat(string)?, 0, room)?),
                Step::Moved(to) => rest.push(to),
            }
        }
        // A name of very many pieces is cut as well.
        Some(String::from_utf16_lossy(&units))
    }
}

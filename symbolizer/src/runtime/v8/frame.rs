//! What an object means for V8: a frame of a JavaScript function, as the kernel side records it.
//!
//! V8's objects move, so the check is made of what stays: the script's number, and the function's number in it.
//!
//! | | address | position | check |
//! |---|---|---|---|
//! | interpreted | the function's shared information | the bytecode offset, as the frame has it; all bits set: none | all bits |
//! | compiled | bits 0 to 46 the instruction, 47 to 55 bits 35 to 43 of the information, 56 set | bits 3 to 34 of the information | the low three bits are bits 44 to 46 of the information; the fourth: the frame is the innermost one |

use super::super::reader::Object;

/// The bits of an address in a process.
const ADDRESS: u64 = (1 << 47) - 1;
const COMPILED: u64 = 1 << 56;
/// The low bits of a pointer to an object. The object itself is aligned to eight bytes.
const TAG: u64 = 1;
/// The position of a frame without an offset.
const NO_OFFSET: u32 = u32::MAX;
/// The bits of a check that a compiled frame has something else in, those of the address, and the mark of the innermost frame.
const CUT: u32 = 15;
const HIGH: u32 = 7;
const LEAF: u32 = 8;

/// A frame of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The function's shared information: a tagged pointer.
    pub(super) shared: u64,
    /// The place in its code.
    pub(super) place: Place,
    /// Whether a sample hit this very code. Else it has called other code, and V8 keeps the position of each call.
    pub(super) leaf: bool,
    check: u32,
}

/// A place in the code of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An offset of the bytecode, as the interpreter's register has it: from the tagged pointer to the bytecode array. `None`: the frame
    /// has no offset, because it is one of baseline code that is being set up or left.
    Bytecode(Option<u32>),
    /// An address of an instruction.
    Instruction(u64),
}

impl Frame {
    /// The frame that an object describes.
    pub(super) fn of(object: Object) -> Self {
        let Object { address, position, check } = object;
        if address & COMPILED == 0 {
            let offset = (position != NO_OFFSET).then_some(position);
            return Self { shared: address, place: Place::Bytecode(offset), leaf: false, check };
        }
        let high = (address >> 47 & 0x1ff) << 35 | u64::from(check & HIGH) << 44;
        let shared = high | u64::from(position) << 3 | TAG;
        let place = Place::Instruction(address & ADDRESS);
        Self { shared, place, leaf: check & LEAF != 0, check }
    }

    /// Whether the frame is one of the function with these numbers.
    pub(super) fn is_of(self, script: i32, literal: i32) -> bool {
        let cut = match self.place {
            Place::Bytecode(_) => 0,
            Place::Instruction(_) => CUT,
        };
        check(script, literal) & !cut == self.check & !cut
    }
}

/// The check of a function, by the number of its script and its own in that script.
fn check(script: i32, literal: i32) -> u32 {
    let mixed =
        (script as u32).wrapping_mul(0x9e37_79b1) ^ (literal as u32).wrapping_mul(0x85eb_ca6b);
    mixed ^ mixed >> 15
}

/// The object of an interpreted frame, as the kernel side makes it.
#[cfg(test)]
pub(super) fn interpreted(shared: u64, position: u32, script: i32, literal: i32) -> Object {
    Object { address: shared, position, check: check(script, literal) }
}

/// The object of a compiled frame, as the kernel side makes it.
#[cfg(test)]
pub(super) fn compiled(shared: u64, instruction: u64, script: i32, literal: i32) -> Object {
    Object {
        address: instruction & ADDRESS | (shared >> 35 & 0x1ff) << 47 | COMPILED,
        position: (shared >> 3) as u32,
        check: check(script, literal) & !CUT | (shared >> 44) as u32 & HIGH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiled_frame_keeps_both_addresses() {
        for shared in [0x7fff_ffff_fff9, 0x0000_1234_5679, 0x2b20_c337_37c1] {
            for instruction in [0x7fff_ffff_ffff, 0x528_6c00, 0] {
                let frame = Frame::of(compiled(shared, instruction, 78, 3));
                assert_eq!(frame.shared, shared);
                assert_eq!(frame.place, Place::Instruction(instruction));
                assert!(frame.is_of(78, 3) && !frame.is_of(78, 4) && !frame.is_of(79, 3));
                assert!(!frame.leaf);
            }
        }
    }

    #[test]
    fn an_interpreted_frame_is_the_information_and_an_offset() {
        let frame = Frame::of(interpreted(0x2b20_c337_37c1, 187, 78, 3));
        assert_eq!((frame.shared, frame.place), (0x2b20_c337_37c1, Place::Bytecode(Some(187))));
        assert!(frame.is_of(78, 3) && !frame.is_of(78, 4) && !frame.is_of(-78, 3));
    }

    #[test]
    fn functions_of_a_program_have_different_checks() {
        let mut checks: Vec<u32> = Vec::new();
        for script in 0..200 {
            checks.extend((0..200).map(|literal| check(script, literal) & !CUT));
        }
        checks.sort_unstable();
        let all = checks.len();
        checks.dedup();
        assert!(all - checks.len() < 20, "{}", all - checks.len());
    }
}

//! The translation of Maglev's code: which functions run at an exit. It is a list of instructions, each an opcode and its operands, numbers
//! of seven bits a byte. Instructions that an earlier exit has at the same place are not repeated.

use super::positions::unsigned;

/// The most instructions of an exit that are read.
const MOST: usize = 1 << 14;
/// The opcodes of JavaScript frames. The first two are those of a function with bytecode.
const JAVASCRIPT: std::ops::Range<usize> = 0..4;
const FUNCTIONS: std::ops::Range<usize> = 0..2;
/// The operands of a frame that count: the offset of the bytecode, and the function's number among the literals.
const OFFSET: usize = 0;
const FUNCTION: usize = 1;
/// The operands of an exit's first instruction: how many bytes before it the exit begins whose instructions are not repeated, and the number
/// of JavaScript frames.
const BACK: usize = 0;
const COUNT: usize = 2;

/// A frame of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The function's number among the literals.
    pub(super) function: u64,
    /// The offset in its bytecode. `None`: before the first one.
    pub(super) offset: Option<u64>,
}

/// The opcodes of a version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opcodes {
    /// How many operands each has. The last one stands for instructions that are not repeated, and so does each byte behind it.
    pub(super) operands: &'static [u8],
    /// The first of the two with which an exit begins.
    pub(super) begin: usize,
}

/// The frames of functions at the exit that begins here, outermost first.
pub(super) fn frames(bytes: &[u8], begin: usize, opcodes: Opcodes) -> Option<Vec<Frame>> {
    let mut own = Reader::at(bytes, begin, opcodes)?;
    let head = own.head()?;
    let mut earlier = None;
    if head[BACK] > 0 {
        let back = usize::try_from(head[BACK]).ok()?;
        let mut reader = Reader::at(bytes, begin.checked_sub(back)?, opcodes)?;
        reader.head()?;
        earlier = Some(reader);
    }
    let mut left = signed(head[COUNT])?;
    let mut repeated = 0;
    let mut found = Vec::new();
    for _ in 0..MOST {
        if left == 0 {
            return Some(found);
        }
        // Both go on by an instruction, whichever is taken.
        let before = earlier.as_mut().and_then(Reader::instruction);
        if repeated == 0 {
            repeated = own.repeated()?;
        }
        let (opcode, operands) = if repeated > 0 {
            repeated -= 1;
            before?
        } else {
            own.instruction()?
        };
        left -= u64::from(JAVASCRIPT.contains(&opcode));
        if FUNCTIONS.contains(&opcode) {
            let function = signed(operands[FUNCTION])?;
            found.push(Frame { function, offset: signed(operands[OFFSET]) });
        }
    }
    None
}

/// A number with a sign in its lowest bit, if it is not negative.
fn signed(number: u64) -> Option<u64> {
    (number & 1 == 0).then_some(number >> 1)
}

/// The operands of an instruction. No opcode has more.
type Operands = [u64; 6];

/// Reads instructions.
struct Reader<'a> {
    bytes: std::slice::Iter<'a, u8>,
    opcodes: Opcodes,
}

impl<'a> Reader<'a> {
    fn at(bytes: &'a [u8], begin: usize, opcodes: Opcodes) -> Option<Self> {
        Some(Self { bytes: bytes.get(begin..)?.iter(), opcodes })
    }

    /// The operands of an exit's first instruction.
    fn head(&mut self) -> Option<Operands> {
        let (opcode, operands) = self.instruction()?;
        (opcode == self.opcodes.begin || opcode == self.opcodes.begin + 1).then_some(operands)
    }

    /// The next instruction. `None`: it is not written here.
    fn instruction(&mut self) -> Option<(usize, Operands)> {
        let opcode = usize::from(*self.bytes.next()?);
        let (_, written) = self.opcodes.operands.split_last()?;
        let mut operands = Operands::default();
        let number = usize::from(*written.get(opcode)?);
        for operand in operands.get_mut(..number)? {
            *operand = unsigned(&mut self.bytes)?;
        }
        Some((opcode, operands))
    }

    /// How many instructions are not repeated here.
    fn repeated(&mut self) -> Option<u64> {
        let opcode = usize::from(*self.bytes.as_slice().first()?);
        let Some(behind) = (opcode + 1).checked_sub(self.opcodes.operands.len()) else {
            return Some(0);
        };
        self.bytes.next();
        if behind > 0 { Some(behind as u64 - 1) } else { unsigned(&mut self.bytes) }
    }
}

/// The opcodes of V8 12.4.
pub(super) const V12: Opcodes = Opcodes {
    operands: &[
        5, 3, 3, 3, 2, 1, 3, 4, 3, 2, 1, 0, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 0, 1, 1, 1, 1, 1, 2, 1,
    ],
    begin: 12,
};

/// The opcodes of V8 13.6.
pub(super) const V13: Opcodes = Opcodes {
    operands: &[
        6, 4, 3, 3, 2, 1, 3, 4, 3, 3, 3, 1, 0, 0, 3, 3, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 2, 1,
    ],
    begin: 14,
};

#[cfg(test)]
mod tests {
    use super::*;

    /// An exit at 60 in literal 3, with a stack slot and a value that is not needed.
    const FIRST: [u8; 12] = [14, 0, 2, 2, 1, 120, 6, 0, 7, 40, 6, 37];
    /// Behind it, one with the same two instructions, and a frame with a result: at 4 in literal 5.
    const SECOND: [u8; 15] = [14, 12, 4, 4, 45 + 2, 37, 0, 8, 10, 0, 1, 2, 2, 40, 6];

    fn both() -> Vec<u8> {
        [&FIRST[..], &SECOND].concat()
    }

    fn frame(function: u64, offset: u64) -> Frame {
        Frame { function, offset: Some(offset) }
    }

    #[test]
    fn frames_are_outermost_first_and_what_is_repeated_is_found() {
        assert_eq!(frames(&both(), 0, V13), Some(vec![frame(3, 60)]));
        assert_eq!(frames(&both(), 12, V13), Some(vec![frame(3, 60), frame(5, 4)]));
        // The number of instructions in an operand.
        let mut long = both();
        long.splice(16..17, [44, 2]);
        assert_eq!(frames(&long, 12, V13), Some(vec![frame(3, 60), frame(5, 4)]));
    }

    #[test]
    fn before_the_first_bytecode_there_is_no_offset() {
        let mut bytes = FIRST;
        bytes[5] = 3;
        assert_eq!(frames(&bytes, 0, V13), Some(vec![Frame { function: 3, offset: None }]));
    }

    #[test]
    fn translations_that_lie_end() {
        assert_eq!(frames(&FIRST, 4, V13), None);
        assert_eq!(frames(&FIRST, 99, V13), None);
        assert_eq!(frames(&FIRST[..5], 0, V13), None);
        // More frames than there are, a place before the beginning, and instructions of nothing that is repeated.
        assert_eq!(frames(&[14, 0, 126, 126, 1, 120, 6, 0, 7], 0, V13), None);
        assert_eq!(frames(&[14, 9, 2, 2, 1, 120, 6, 0, 7], 0, V13), None);
        assert_eq!(frames(&[14, 0, 2, 2, 47], 0, V13), None);
        // An exit without an end.
        assert_eq!(frames(&[&[14, 0, 2, 2][..], &[37; 1 << 15]].concat(), 0, V13), None);
    }

    #[test]
    fn each_version_has_an_opcode_for_what_is_not_repeated_and_two_that_begin() {
        for Opcodes { operands, begin } in [V12, V13] {
            assert_eq!(operands.last(), Some(&1));
            assert_eq!(&operands[begin..begin + 2], &[3, 3]);
            assert!(
                operands.iter().all(|number| usize::from(*number) <= Operands::default().len())
            );
        }
    }
}

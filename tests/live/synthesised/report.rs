//! What the tracer reports of one instruction: the registers, and the stack as the calls left it.

use super::file::hex;

/// A frame, as the call left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Where the return address lies.
    pub(crate) slot: u64,
    pub(crate) returns_to: u64,
    pub(crate) rbp: u64,
    pub(crate) rbx: u64,
}

/// Registers by DWARF number, the instruction pointer last, and the frames, innermost first.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) registers: [u64; 17],
    pub(crate) frames: Vec<Frame>,
}

impl Report {
    /// Reads a report's numbers.
    pub(crate) fn read<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let numbers: Vec<u64> = words.map(hex).collect();
        let (registers, frames) = numbers.split_first_chunk().expect("all registers");
        let frame = |frame: &[u64]| Frame {
            slot: frame[0],
            returns_to: frame[1],
            rbp: frame[2],
            rbx: frame[3],
        };
        Self { registers: *registers, frames: frames.chunks_exact(4).map(frame).collect() }
    }
}

//! The parts of a function. Compilers move code that is rarely run to another place; it has an entry of its own in the file's rules.

use crate::leaf::FrameSections;
use crate::synth::Memory;
use iced_x86::{Decoder, DecoderOptions, FlowControl};
use std::collections::BTreeSet;
use std::ops::Range;

/// The most bytes of a function that are read.
const MOST: u64 = 1 << 20;
/// The most places outside of a function that it jumps to and that are looked up.
const MOST_JUMPS: usize = 4096;

/// The parts of a function elsewhere that it jumps into. A part begins in the middle of the function's work, so its first
/// rule is not that of a function's first instruction.
pub fn elsewhere(
    function: &Range<u64>,
    memory: &dyn Memory,
    frames: &FrameSections<'_>,
) -> Vec<Range<u64>> {
    let length = function.end.saturating_sub(function.start).min(MOST);
    let bytes = memory.read(function.start, length as usize);
    let mut targets = BTreeSet::new();
    for instruction in Decoder::with_ip(64, &bytes, function.start, DecoderOptions::NONE).iter() {
        let jumps = matches!(
            instruction.flow_control(),
            FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
        );
        let target = instruction.near_branch_target();
        if jumps && !function.contains(&target) && targets.len() < MOST_JUMPS {
            targets.insert(target);
        }
    }
    let mut parts: Vec<Range<u64>> = Vec::new();
    for target in targets {
        if !parts.last().is_some_and(|part| part.contains(&target)) {
            parts.extend(frames.part(target));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Segment;
    use gimli::write::{
        Address, CallFrameInstruction, CommonInformationEntry, EhFrame, EndianVec,
        FrameDescriptionEntry, FrameTable,
    };
    use gimli::{Encoding, Format, LittleEndian, Register};

    /// Three functions: one of 16 bytes at 0x1000, a part of it at 0x2000, and another function at 0x3000.
    fn sections() -> Vec<u8> {
        let encoding = Encoding { format: Format::Dwarf32, version: 1, address_size: 8 };
        let mut table = FrameTable::default();
        let mut cie = CommonInformationEntry::new(encoding, 1, -8, Register(16));
        cie.add_instruction(CallFrameInstruction::Cfa(Register(7), 8));
        let cie = table.add_cie(cie);
        for (start, offset) in [(0x1000, None), (0x2000, Some(64)), (0x3000, None)] {
            let mut entry = FrameDescriptionEntry::new(Address::Constant(start), 0x40);
            if let Some(offset) = offset {
                entry.add_instruction(0, CallFrameInstruction::CfaOffset(offset));
            }
            table.add_fde(cie, entry);
        }
        let mut out = EhFrame(EndianVec::new(LittleEndian));
        table.write_eh_frame(&mut out).unwrap();
        out.0.into_vec()
    }

    #[test]
    fn a_part_is_what_a_function_jumps_into_and_nobody_calls() {
        let bytes = sections();
        let frames = FrameSections::new((&bytes, 0x8000), (&[], 0), 0);
        // jne 0x2010; jmp 0x3000; jmp 0x1000; ret
        let code = [
            &[0x0f, 0x85][..],
            &0x100a_i32.to_le_bytes(),
            &[0xe9],
            &0x1ff5_i32.to_le_bytes(),
            &[0xeb, 0xf3, 0xc3],
        ]
        .concat();
        let memory = vec![Segment { address: 0x1000, bytes: &code }];
        assert_eq!(elsewhere(&(0x1000..0x1040), &memory, &frames), vec![0x2000..0x2040]);
        assert_eq!(elsewhere(&(0x5000..0x5040), &memory, &frames), []);
    }
}

//! Callers that a frame-pointer step out of a leaf may have skipped.
//!
//! While the canonical frame address is relative to the stack pointer (in a frameless function, a prologue, an epilogue), the frame
//! pointer still belongs to the caller. A step by frame pointer then skips the caller, and the stack looks complete.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EhFrameOffset, EndianSlice, FrameDescriptionEntry,
    LittleEndian, ParsedEhFrameHdr, Register, UnwindContext, UnwindSection,
};

/// The base of the canonical frame address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CfaBase {
    /// The stack pointer: a step by the frame pointer loses the caller.
    StackPointer,
    /// The frame pointer: a step by it is right.
    FramePointer,
    /// Another register, or an expression.
    Other,
}

/// The numbers that an architecture's ABI gives to its registers in unwind rules.
#[derive(Clone, Copy, Debug)]
struct Registers {
    stack_pointer: Register,
    frame_pointer: Register,
}

#[cfg(not(target_arch = "aarch64"))]
const REGISTERS: Registers = Registers { stack_pointer: Register(7), frame_pointer: Register(6) };
#[cfg(target_arch = "aarch64")]
const REGISTERS: Registers = Registers { stack_pointer: Register(31), frame_pointer: Register(29) };

/// Bytes of the longest function entry whose rules are run: compilers' are far shorter, and every leaf runs them.
const LONGEST_ENTRY: usize = 64 << 10;
/// Bytes of the largest section that is searched from its begin for every leaf, where it has no table.
const LARGEST_WITHOUT_TABLE: usize = 1 << 20;

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// A file's unwind sections.
#[derive(Debug)]
pub struct FrameSections<'a> {
    frame: EhFrame<Bytes<'a>>,
    /// Virtual address of `.eh_frame`.
    address: u64,
    size: usize,
    bases: BaseAddresses,
    header: Option<ParsedEhFrameHdr<Bytes<'a>>>,
}

impl<'a> FrameSections<'a> {
    /// Takes the bytes and virtual addresses of `.eh_frame` and `.eh_frame_hdr` (may be empty), and the first address of the code.
    pub fn new(frame: (&'a [u8], u64), header: (&'a [u8], u64), text: u64) -> Self {
        let mut section = EhFrame::new(frame.0, LittleEndian);
        section.set_address_size(8);
        let bases = BaseAddresses::default()
            .set_eh_frame(frame.1)
            .set_eh_frame_hdr(header.1)
            .set_text(text);
        let table = has_whole_table(header.0).then(|| EhFrameHdr::new(header.0, LittleEndian));
        let header = table.and_then(|table| table.parse(&bases, 8).ok());
        Self { frame: section, address: frame.1, size: frame.0.len(), bases, header }
    }

    /// The base of the canonical frame address at a virtual address; `None` if no rule covers it or the rules are malformed.
    pub fn cfa_base(&self, address: u64) -> Option<CfaBase> {
        let entry = self.entry(address).filter(|entry| entry.entry_len() <= LONGEST_ENTRY)?;
        let mut context = UnwindContext::new();
        let row =
            entry.unwind_info_for_address(&self.frame, &self.bases, &mut context, address).ok()?;
        Some(match row.cfa() {
            CfaRule::RegisterAndOffset { register, .. } if *register == REGISTERS.stack_pointer => {
                CfaBase::StackPointer
            }
            CfaRule::RegisterAndOffset { register, .. } if *register == REGISTERS.frame_pointer => {
                CfaBase::FramePointer
            }
            _ => CfaBase::Other,
        })
    }

    /// The range of an entry that is no function's begin: at its first address, the frame is already set up.
    pub(crate) fn part(&self, address: u64) -> Option<std::ops::Range<u64>> {
        let entry = self.entry(address).filter(|entry| entry.entry_len() <= LONGEST_ENTRY)?;
        let (start, mut context) = (entry.initial_address(), UnwindContext::new());
        let row =
            entry.unwind_info_for_address(&self.frame, &self.bases, &mut context, start).ok()?;
        let is_begin = matches!(row.cfa(), CfaRule::RegisterAndOffset { register, offset }
            if *register == REGISTERS.stack_pointer && *offset == 8);
        (!is_begin).then(|| start..start.saturating_add(entry.len()))
    }

    fn entry(&self, address: u64) -> Option<FrameDescriptionEntry<Bytes<'a>>> {
        let cie = EhFrame::cie_from_offset;
        let Some(table) = self.header.as_ref().and_then(ParsedEhFrameHdr::table) else {
            if self.size > LARGEST_WITHOUT_TABLE {
                return None;
            }
            return self.frame.fde_for_address(&self.bases, address, cie).ok();
        };
        let found = table.lookup(address, &self.bases).ok()?.direct().ok()?;
        // The header may give a wrong address of `.eh_frame`. An entry before the section shows that.
        let offset = usize::try_from(found.checked_sub(self.address)?).ok()?;
        let entry = self.frame.fde_from_offset(&self.bases, EhFrameOffset(offset), cie).ok()?;
        entry.contains(address).then_some(entry)
    }
}

/// Whether `.eh_frame_hdr` has the form that linkers write (32-bit offsets, a 32-bit count) and all the entries that it counts:
/// a count that the bytes do not bear out would make the search compute beyond them.
fn has_whole_table(header: &[u8]) -> bool {
    let count = header.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let Some(count) = count.filter(|_| header.starts_with(&[1, 0x1b, 0x03, 0x3b])) else {
        return false;
    };
    (header.len() - 12) / 8 >= count as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::write::{self, CommonInformationEntry, EndianVec, FrameTable};

    const START: u64 = 0x1000;

    /// One function of 0x40 bytes: a prologue of one byte, then a frame pointer up to 0x30, then an epilogue.
    fn section() -> Vec<u8> {
        section_with(0)
    }

    /// The same, with so many more rules that say nothing new.
    fn section_with(more: usize) -> Vec<u8> {
        let encoding =
            gimli::Encoding { format: gimli::Format::Dwarf32, version: 1, address_size: 8 };
        let mut table = FrameTable::default();
        let mut cie = CommonInformationEntry::new(encoding, 1, -8, Register(16));
        cie.add_instruction(write::CallFrameInstruction::Cfa(Register(7), 8));
        let cie = table.add_cie(cie);
        let mut fde = write::FrameDescriptionEntry::new(write::Address::Constant(START), 0x40);
        fde.add_instruction(1, write::CallFrameInstruction::CfaOffset(16));
        for _ in 0..more {
            fde.add_instruction(2, write::CallFrameInstruction::Restore(Register(3)));
        }
        fde.add_instruction(4, write::CallFrameInstruction::CfaRegister(Register(6)));
        fde.add_instruction(0x30, write::CallFrameInstruction::Cfa(Register(7), 8));
        table.add_fde(cie, fde);
        let mut out = write::EhFrame(EndianVec::new(LittleEndian));
        table.write_eh_frame(&mut out).unwrap();
        out.0.into_vec()
    }

    #[test]
    fn prologue_body_and_epilogue() {
        let bytes = section();
        let sections = FrameSections::new((&bytes, 0x8000), (&[], 0), 0);
        let base = |offset| sections.cfa_base(START + offset);
        assert_eq!(base(0), Some(CfaBase::StackPointer));
        assert_eq!(base(3), Some(CfaBase::StackPointer));
        assert_eq!(base(4), Some(CfaBase::FramePointer));
        assert_eq!(base(0x2f), Some(CfaBase::FramePointer));
        assert_eq!(base(0x30), Some(CfaBase::StackPointer));
        assert_eq!(base(0x40), None);
    }

    #[test]
    fn rules_without_end_are_not_run() {
        let base = |bytes: &[u8]| FrameSections::new((bytes, 0x8000), (&[], 0), 0).cfa_base(START);
        assert_eq!(base(&section_with(60_000)), Some(CfaBase::StackPointer));
        assert_eq!(base(&section_with(70_000)), None);
        let mut long = section();
        long.extend(vec![0; LARGEST_WITHOUT_TABLE]);
        assert_eq!(base(&long), None);
    }

    #[test]
    fn a_table_that_counts_more_entries_than_it_has_is_not_used() {
        assert!(has_whole_table(&[
            1, 0x1b, 3, 0x3b, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8
        ]));
        assert!(!has_whole_table(&[
            1, 0x1b, 3, 0x3b, 0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8
        ]));
        assert!(!has_whole_table(&[
            1, 0x1b, 4, 0x3b, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 240
        ]));
        // A 64-bit count whose product with the size of an entry overflows.
        let header = [1, 0x1b, 4, 0x3c, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 240, 0, 0];
        let bytes = section();
        let sections = FrameSections::new((&bytes, 0x8000), (&header, 0x7000), 0);
        assert_eq!(sections.cfa_base(START + 4), Some(CfaBase::FramePointer));
    }

    #[test]
    fn cut_or_flipped_sections_never_panic() {
        let bytes = section();
        for len in 0..bytes.len() {
            let _ = FrameSections::new((&bytes[..len], 0x8000), (&bytes[..len], 0x7000), 0)
                .cfa_base(START + 5);
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let _ = FrameSections::new((&flipped, 0x8000), (&[], 0), 0).cfa_base(START + 5);
            }
        }
    }
}

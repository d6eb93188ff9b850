//! The code that a program starts with. Nobody calls it, so a walk is at its end there. The assembly of some C libraries (glibc's loader,
//! musl) does not say so: where it would have a return address, there is the number of arguments.

use crate::rule::Rule;
use crate::table::{Code, Source};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Mnemonic};

/// The most bytes that are read from the entry on. Such code has some ten instructions.
const LONGEST: usize = 256;

/// The end of the stack, from the entry of a file to the first instruction that goes on elsewhere, if the entry is in one of these stretches
/// of code. A stretch is its bytes and its virtual address. As a source, it comes after the file's own tables.
pub fn rules(stretches: &[(&[u8], u64)], entry: u64, code: &Code) -> Source {
    let mut source = Source::new(code);
    let within = |(bytes, address): &(&[u8], u64)| {
        let from = usize::try_from(entry.checked_sub(*address)?).ok()?;
        let rest = bytes.get(from..)?;
        Some(length(&rest[..rest.len().min(LONGEST)], entry))
    };
    if let Some(length) = stretches.iter().find_map(within).filter(|length| *length > 0) {
        source.push(entry..entry.saturating_add(length), &Rule::END);
    }
    source
}

/// The bytes up to the end of the first instruction that does not go on with the next one.
fn length(bytes: &[u8], address: u64) -> u64 {
    let mut decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let goes_on = matches!(
            instruction.flow_control(),
            FlowControl::Next
                | FlowControl::Call
                | FlowControl::IndirectCall
                | FlowControl::ConditionalBranch
        );
        if !goes_on || instruction.mnemonic() == Mnemonic::Hlt {
            break;
        }
    }
    decoder.ip().wrapping_sub(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    /// `mov rdi, rsp; call +0x100; mov r12, rax; jmp r12`, and a function behind it.
    const LOADER: [u8; 15] =
        [0x48, 0x89, 0xe7, 0xe8, 0, 1, 0, 0, 0x49, 0x89, 0xc4, 0x41, 0xff, 0xe4, 0xc3];

    fn table(bytes: &[u8], entry: u64) -> Table {
        let code = Code::new(Some(0x1000..0x9000)).unwrap();
        Table::build(&code, &[&rules(&[(&[0x90; 16], 0x1000), (bytes, 0x2000)], entry, &code)])
    }

    #[test]
    fn from_the_entry_to_the_jump_there_is_no_caller() {
        let table = table(&LOADER, 0x2000);
        assert_eq!(table.look_up(0x1fff), None);
        assert_eq!(table.look_up(0x2000), Some(Rule::END));
        assert_eq!(table.look_up(0x200d), Some(Rule::END));
        assert_eq!(table.look_up(0x200e), None);
    }

    #[test]
    fn an_entry_outside_has_no_rule_and_one_without_end_has_few() {
        for entry in [0, 0x1fff, 0x200f, u64::MAX] {
            assert_eq!(table(&LOADER, entry).look_up(entry), None, "{entry:#x}");
        }
        let table = table(&[0x90; 4096], 0x2000);
        assert_eq!(table.look_up(0x2000 + LONGEST as u64 - 1), Some(Rule::END));
        assert_eq!(table.look_up(0x2000 + LONGEST as u64), None);
    }
}

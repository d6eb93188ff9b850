//! Tells whether a call returns to an address.

/// Whether the instruction before an address can be a call. `word` is the eight bytes before the address, read as one little-endian
/// number: the byte right before the address is the highest.
///
/// The near calls of x86-64 are `E8` with four bytes, and `FF /2` with two to seven. Prefixes come before these and change nothing. The
/// code has only branches and masks, so that the same lines pass the kernel's verifier.
///
/// A false match is rare: 1.2 % of random words, and far fewer of the words on a stack, which must also be executable addresses.
pub const fn is_call_before(word: u64) -> bool {
    // The opcode as the lowest byte, what follows it above.
    let (seven, six, five) = (word >> 8, word >> 16, word >> 24);
    let (four, three, two) = (word >> 32, word >> 40, word >> 48);
    if five & 0xff == 0xe8 {
        return true;
    }
    // FF /2: bits 3 to 5 of the byte behind the opcode are 2; bits 6 and 7 are the mode, 0 to 2 the register.
    // Register 4 has one more byte, whose low three bits are the base; 5 without a mode, or as a base without one, has four.
    calls(two) && (mode(two) == 3 || mode(two) == 0 && register(two) != 4 && register(two) != 5)
        || calls(three)
            && (mode(three) == 1 && register(three) != 4
                || mode(three) == 0 && register(three) == 4 && base(three) != 5)
        || calls(four) && mode(four) == 1 && register(four) == 4
        || calls(six)
            && (mode(six) == 2 && register(six) != 4 || mode(six) == 0 && register(six) == 5)
        || calls(seven)
            && register(seven) == 4
            && (mode(seven) == 2 || mode(seven) == 0 && base(seven) == 5)
}

const fn calls(bytes: u64) -> bool {
    bytes & 0x38ff == 0x10ff
}

const fn mode(bytes: u64) -> u64 {
    bytes >> 14 & 3
}

const fn register(bytes: u64) -> u64 {
    bytes >> 8 & 7
}

const fn base(bytes: u64) -> u64 {
    bytes >> 16 & 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Code, Decoder, DecoderOptions, Mnemonic};

    /// The eight bytes before an address of which the last ones are these.
    fn ending(bytes: &[u8], filler: u8) -> u64 {
        let mut word = [filler; 8];
        word[8 - bytes.len()..].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    }

    #[test]
    fn every_form_of_a_call_is_one() {
        let forms: &[&[u8]] = &[
            &[0xe8, 1, 2, 3, 4],
            &[0xff, 0xd0],
            &[0x41, 0xff, 0xd7],
            &[0xff, 0x10],
            &[0xff, 0x50, 8],
            &[0xff, 0x14, 0xc8],
            &[0xff, 0x54, 0x24, 8],
            &[0xff, 0x15, 1, 2, 3, 4],
            &[0xff, 0x90, 1, 2, 3, 4],
            &[0xff, 0x94, 0x24, 1, 2, 3, 4],
            &[0xff, 0x14, 0xc5, 1, 2, 3, 4],
        ];
        for form in forms {
            assert!(is_call_before(ending(form, 0x90)), "{form:x?}");
        }
    }

    #[test]
    fn other_instructions_are_none() {
        let forms: &[&[u8]] = &[
            &[0xe9, 1, 2, 3, 4],
            &[0xff, 0xe0],
            &[0xff, 0x25, 1, 2, 3, 4],
            &[0xff, 0x30],
            &[0xff, 0x14, 0xc5],
            &[0xff, 0x15, 1, 2, 3],
            &[0x90],
            &[0xc3],
        ];
        for form in forms {
            assert!(!is_call_before(ending(form, 0x90)), "{form:x?}");
        }
    }

    /// Whether one of the suffixes of two to seven bytes decodes to a call of just its length.
    fn decodes(word: u64) -> bool {
        let bytes = word.to_le_bytes();
        (2..=7).any(|len| {
            let found = Decoder::new(64, &bytes[8 - len..], DecoderOptions::NONE).decode();
            let near =
                !matches!(found.code(), Code::Call_m1616 | Code::Call_m1632 | Code::Call_m1664);
            found.len() == len && found.mnemonic() == Mnemonic::Call && near
        })
    }

    #[test]
    fn the_disassembler_agrees() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut calls = 0;
        for round in 0..300_000 {
            let opcode = if round % 2 == 0 { 0xff } else { 0xe8 };
            let at = 8 * (1 + round % 7);
            let word = random.u64(..) & !(0xff << at) | opcode << at;
            assert_eq!(is_call_before(word), decodes(word), "{:x?}", word.to_le_bytes());
            calls += usize::from(decodes(word));
        }
        assert!(calls > 10_000, "{calls} of them were calls");
    }
}

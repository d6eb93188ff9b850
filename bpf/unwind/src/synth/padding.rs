//! The padding that compilers and linkers put between functions.

/// Whether bytes are no more than that: `nop` in all its lengths, `int3`, zeros.
pub(crate) fn is_padding(mut bytes: &[u8]) -> bool {
    while let Some((&first, rest)) = bytes.split_first() {
        let len = match first {
            // Prefixes of longer ones among them.
            0x00 | 0x2e | 0x66 | 0x90 | 0xcc => 1,
            0x0f => match rest {
                [0x1f, 0x00, ..] => 3,
                [0x1f, 0x40, ..] => 4,
                [0x1f, 0x44, ..] => 5,
                [0x1f, 0x80, ..] => 7,
                [0x1f, 0x84, ..] => 8,
                _ => return false,
            },
            _ => return false,
        };
        bytes = bytes.get(len..).unwrap_or(&[]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_told_from_code() {
        for padding in [
            b"\x66\x66\x2e\x0f\x1f\x84\0\0\0\0\0\x0f\x1f\x40\0\x0f\x1f\0".as_slice(),
            b"\x0f\x1f\x44\0\0\x66\x90\x90\xcc\xcc\0\0",
            b"",
        ] {
            assert!(is_padding(padding), "{padding:x?}");
        }
        for code in [b"\x90\xc3".as_slice(), b"\xcc\x53", b"\x0f\x05", b"\0\0\x0f", b"\x66\x89\xc8"]
        {
            assert!(!is_padding(code), "{code:x?}");
        }
    }
}

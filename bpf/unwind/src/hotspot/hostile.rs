//! Descriptions and bytes that make no sense.

use super::*;

/// Bytes of which many are instructions that move the stack.
fn bytes(random: &mut fastrand::Rng, len: usize) -> Vec<u8> {
    const LIKELY: [&[u8]; 12] = [
        b"\x55",
        b"\x48\x8b\xec",
        b"\xc9",
        b"\xc3",
        b"\x48\x83\xec",
        b"\x48\x83\xc4",
        b"\x41\x55",
        b"\x5d",
        b"\xeb",
        b"\x48\x89\x2c\x24",
        b"\x48\x81\xec",
        b"\xe8\0\0\0\0",
    ];
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let word = random.u64(..);
        match word % 3 {
            0 => bytes.extend(word.to_ne_bytes()),
            _ => bytes.extend(LIKELY[(word >> 8) as usize % LIKELY.len()]),
        }
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn any_bytes_under_any_description_give_rows_within_bounds() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut most = 0;
    for round in 0..3000 {
        let code = bytes(&mut random, [0, 1, 7, 64, 1000][round % 5]);
        let number = |word: u64| (word >> (word % 64)) as u32;
        let (one, two, three) =
            (number(random.u64(..)), number(random.u64(..)), number(random.u64(..)));
        let pieces = [
            Codelet { begin: one, end: two, entry: true },
            Codelet { begin: 0, end: code.len() as u32, entry: round % 2 == 0 },
            Codelet { begin: two, end: u32::MAX, entry: false },
        ];
        let address = if round % 7 == 0 { u64::MAX - u64::from(one) % 100 } else { random.u64(..) };
        let pointers = [address, address.wrapping_add(3), u64::MAX, 0];
        for what in [
            What::Compiled { complete: one, words: two, second_entry: Some(three) },
            What::Compiled { complete: one % 64, words: two % 64, second_entry: None },
            What::Stub { words: Some(one) },
            What::Stub { words: None },
            What::Interpreter { pieces: &pieces },
            What::Adapter,
            What::Frameless,
            What::Routines { pointers: &pointers },
            What::Opaque,
        ] {
            let rows = rules(&Blob { what, address, code: &code });
            assert!(
                rows.len() <= 2 * code.len() + 2,
                "{} rows of {} bytes",
                rows.len(),
                code.len()
            );
            assert!((0..code.len() as u32).all(|at| rows.at(at).is_some()), "{what:?}");
            most = most.max(rows.len());
        }
    }
    assert!(most > 100, "little was tried: {most}");
}

#[test]
fn the_stack_s_height_does_not_overflow() {
    // sub rsp, 0x7fffffff, again and again; then as often back.
    let down = b"\x48\x81\xec\xff\xff\xff\x7f".repeat(4);
    let up = b"\x48\x81\xc4\xff\xff\xff\x7f".repeat(4);
    let code = [down, up, b"\xc3".to_vec()].concat();
    let rows = rules(&Blob { what: What::Stub { words: None }, address: 0, code: &code });
    assert_eq!(rows.at(code.len() as u32 - 1), Some(UNKNOWN));
}

#[test]
fn what_is_too_large_is_not_looked_at() {
    let code = vec![0x90; MOST_CODE + 1];
    let rows = rules(&Blob { what: What::Frameless, address: 0, code: &code });
    assert_eq!((rows.len(), rows.at(5)), (1, Some(UNKNOWN)));
}

#[test]
fn rows_are_bounded() {
    // push rax; pop rax, again and again.
    let code = b"\x50\x58".repeat(MOST_CODE / 2);
    let rows = rules(&Blob { what: What::Stub { words: None }, address: 0, code: &code });
    assert!((1 << 18..=1 << 19).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows.at(MOST_CODE as u32 - 1), Some(UNKNOWN));
    assert_ne!(rows.at(1000), Some(UNKNOWN));
}

//! Arbitrary facts about runtimes.

use super::bytes::{Bytes, CODE, CODE_END, STACK};

/// Facts by which CPython's structures are words of the stack.
pub(super) fn python(bytes: &mut Bytes<'_>) -> Vec<u32> {
    let interpreters = STACK + 8 * u64::from(bytes.byte());
    let field = |bytes: &mut Bytes<'_>| u32::from(bytes.byte() % 16 * 8);
    let mut halves = vec![1 + field(bytes) / 8 % 3];
    halves.extend((0..19).map(|_| field(bytes)));
    let pairs = halves.chunks(2).map(|pair| pair[0] | pair[1] << 16);
    let first = [interpreters as u32, (interpreters >> 32) as u32];
    first.into_iter().chain(pairs).chain([0, 0]).collect()
}

/// Facts by which the code is a heap of Java's, whose map is the stack, and whose blocks have any form.
pub(super) fn java(bytes: &mut Bytes<'_>) -> Vec<u32> {
    let both = |word: u64| [word as u32, (word >> 32) as u32];
    let map = STACK + u64::from(bytes.byte());
    let heap = [CODE, CODE_END, map].into_iter().flat_map(both);
    let block = (0..3).map(|_| bytes.number::<4>() as u32 & 0x0f07_7f7f);
    let block: Vec<u32> = block.collect();
    [0; 3].into_iter().chain(heap).chain([0; 12]).chain(block).collect()
}

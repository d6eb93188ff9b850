//! References to uncovered code, found by their bytes.

use super::image::{Image, computed};
use iced_x86::{Decoder, DecoderOptions, Instruction};
use std::ops::Range;

/// References that are looked at: files of 100 MB have some 100,000.
pub(super) const MOST_REFERENCES: usize = 1 << 20;
/// Bytes of a reference, from its opcode on.
const LONGEST: usize = 6;
/// Code is read in pieces of so many bytes.
const CHUNK: usize = 1 << 20;
/// The most bytes of a function that are disassembled. A reference beyond them does not count.
const LARGEST_FUNCTION: u64 = 1 << 20;

/// The kind of a reference to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A direct call or jump.
    Branch,
    /// The address is computed (`lea`) or is a number in the code (`mov`, `push`).
    Address,
}

/// A possible reference, by its bytes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// The address of the opcode; prefixes may precede it.
    pub(super) at: u64,
    pub(super) target: u64,
    pub(super) kind: Kind,
}

/// The references found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) references: Vec<Reference>,
    /// The number of references beyond the limit.
    pub(super) beyond: u64,
}

/// All byte strings in the code that would refer to a gap, by address.
pub(super) fn references(image: &Image<'_>) -> Found {
    let mut found = Found::default();
    for range in image.input.code.ranges() {
        for at in range.clone().step_by(CHUNK) {
            let len = range.end.saturating_sub(at).min((CHUNK + LONGEST - 1) as u64);
            collect(image, at, &image.read(at, len as usize), &mut found);
        }
    }
    found
}

fn collect(image: &Image<'_>, begin: u64, bytes: &[u8], found: &mut Found) {
    for (at, window) in (begin..).zip(bytes.windows(LONGEST)) {
        let Some((kind, target)) = refers(window, at, image.input.fixed) else { continue };
        if image.gap(target).is_none() {
            continue;
        }
        if found.references.len() < MOST_REFERENCES {
            found.references.push(Reference { at, target, kind });
        } else {
            found.beyond += 1;
        }
    }
}

/// The address to which the bytes at an address would refer.
fn refers(bytes: &[u8], at: u64, fixed: bool) -> Option<(Kind, u64)> {
    let relative = |from: usize| {
        let offset = i32::from_le_bytes(bytes.get(from..from + 4)?.try_into().ok()?);
        Some(at.wrapping_add(from as u64 + 4).wrapping_add_signed(i64::from(offset)))
    };
    let absolute = |from: usize| {
        Some(u64::from(u32::from_le_bytes(bytes.get(from..from + 4)?.try_into().ok()?)))
    };
    let (kind, target) = match bytes {
        [0xe8 | 0xe9, ..] => (Kind::Branch, relative(1)),
        [0x0f, 0x80..=0x8f, ..] => (Kind::Branch, relative(2)),
        [0x8d, ..] => (Kind::Address, computed(bytes, at)),
        [0xb8..=0xbf | 0x68, ..] if fixed => (Kind::Address, absolute(1)),
        [0xc7, form, ..] if fixed && form & 0xf8 == 0xc0 => (Kind::Address, absolute(2)),
        _ => return None,
    };
    target.map(|target| (kind, target))
}

/// Those of the references from covered code that are instructions: each function is disassembled once, from its begin, if
/// there is a reference in it.
pub(super) fn confirmed(image: &Image<'_>, references: &[Reference]) -> Vec<Reference> {
    let mut confirmed = Vec::new();
    let mut rest = references;
    while let Some(first) = rest.first() {
        let Some(function) = image.covered_at(first.at) else {
            rest = &rest[1..];
            continue;
        };
        let len = rest.partition_point(|reference| reference.at < function.end);
        confirm(image, &function, &rest[..len], &mut confirmed);
        rest = &rest[len..];
    }
    confirmed
}

fn confirm(
    image: &Image<'_>,
    function: &Range<u64>,
    references: &[Reference],
    confirmed: &mut Vec<Reference>,
) {
    let len = (function.end - function.start).min(LARGEST_FUNCTION);
    let code = image.read(function.start, len as usize);
    let mut decoder = Decoder::with_ip(64, &code, function.start, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut wanted = references.iter().peekable();
    while wanted.peek().is_some() && decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        while let Some(reference) = wanted.next_if(|reference| reference.at < instruction.next_ip())
        {
            if !instruction.is_invalid() && is(&instruction, reference) {
                confirmed.push(*reference);
            }
        }
    }
}

/// Whether an instruction is what its bytes looked like.
fn is(instruction: &Instruction, reference: &Reference) -> bool {
    match reference.kind {
        Kind::Branch => instruction.near_branch_target() == reference.target,
        Kind::Address if instruction.is_ip_rel_memory_operand() => {
            instruction.ip_rel_memory_address() == reference.target
        }
        Kind::Address => (0..instruction.op_count()).any(|index| {
            instruction.try_immediate(index).is_ok_and(|number| number == reference.target)
        }),
    }
}

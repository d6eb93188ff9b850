//! What was inlined into Maglev's code, for versions whose code keeps no positions: from the data with which V8 goes back from code to
//! bytecode.
//!
//! A table of safepoints is behind the instructions; it leads from a call's return address to an exit. The code's data has all exits: each
//! has a place in the translation, and an address of its own, to which checks jump. The translation says which functions run there, and at
//! which offsets of their bytecode.

use super::code::Code;
use super::function::Shared;
use super::heap::{Heap, Pointer, small};
use super::layout::{Exits, fixed};
use super::safepoints;
use super::translation;
use elf::word::{u32_at, u64_at};

/// The largest translation.
const MOST_BYTES: u64 = 1 << 20;
/// The most exits of a code.
const MOST_EXITS: u64 = 1 << 14;
/// The words of an exit: its bytecode's offset, its place in the translation, and its address.
const WORDS: u64 = 3;
const TRANSLATION: u64 = 1;
const ADDRESS: u64 = 2;
/// How far from an address a check is looked for.
const NEAR: u64 = 1 << 12;
/// The bytes of a conditional jump: two, and a distance of four.
const JUMP: usize = 6;

/// A function that runs at a place, and the offset of its bytecode.
pub(super) type Running = (Shared, Option<u64>);

/// A place in code, and its exit.
type Point = (u64, u64);

/// The functions at an offset of code, outermost first, and whether they are those of a call that returns there. Else they are those of the
/// nearest place that is known, before it if there is one: a call or a check.
pub(super) fn at(heap: &Heap<'_>, code: &Code, offset: u64) -> Option<(Vec<Running>, bool)> {
    let exits = Table::of(heap, code)?;
    let calls = safepoints::of(heap, code, exits.rules.safepoints)?;
    // The address of a frame that has called is one before the return address.
    let returns = offset.checked_add(1)?;
    if let Some(call) = calls.iter().find(|call| call.0 == returns) {
        return Some((exits.functions(heap, call.1)?, true));
    }
    let mut points = exits.checks(heap, code, offset).unwrap_or_default();
    points.extend(calls);
    let before = points.iter().filter(|point| point.0 <= offset).max();
    let nearest = before.or(points.iter().min())?;
    Some((exits.functions(heap, nearest.1)?, false))
}

/// The exits of a code.
struct Table {
    rules: Exits,
    /// The elements of the data, eight bytes each.
    elements: Vec<u8>,
    literals: Pointer,
    translation: Vec<u8>,
    /// The exits by their addresses: sorted.
    addresses: Vec<Point>,
}

impl Table {
    fn of(heap: &Heap<'_>, code: &Code) -> Option<Self> {
        let (rules, data) = (heap.layout.exits?, code.data?);
        let translation = heap.bytes(Pointer::of(heap.element(data, 0)?)?, MOST_BYTES)?;
        let literals = Pointer::of(heap.element(data, heap.layout.code.literals)?)?;
        let exits = heap.length(data)?.checked_sub(rules.first)? / WORDS;
        let exits = exits.min(MOST_EXITS);
        let begin = data.address().checked_add(fixed::ELEMENTS)?;
        let elements = heap.read(begin, 8 * (rules.first + exits * WORDS))?;
        let mut table = Self { rules, elements, literals, translation, addresses: Vec::new() };
        let address = |exit| Some((table.word(exit, ADDRESS)?, exit));
        table.addresses = (0..exits).filter_map(address).collect();
        table.addresses.sort_unstable();
        Some(table)
    }

    /// A word of an exit.
    fn word(&self, exit: u64, word: u64) -> Option<u64> {
        let index = exit.checked_mul(WORDS)?.checked_add(self.rules.first + word)?;
        let at = usize::try_from(index.checked_mul(8)?).ok()?;
        u64::try_from(small(u64_at(&self.elements, at)?)?).ok()
    }

    /// The functions at an exit, outermost first.
    fn functions(&self, heap: &Heap<'_>, exit: u64) -> Option<Vec<Running>> {
        let begin = usize::try_from(self.word(exit, TRANSLATION)?).ok()?;
        let frames = translation::frames(&self.translation, begin, self.rules.opcodes)?;
        let mut functions = Vec::new();
        for frame in frames {
            let shared = Pointer::of(heap.element(self.literals, frame.function)?)?;
            functions.push((Shared::of(heap, shared)?, frame.offset));
        }
        (!functions.is_empty()).then_some(functions)
    }

    /// The checks near an offset: conditional jumps to the address of an exit.
    fn checks(&self, heap: &Heap<'_>, code: &Code, offset: u64) -> Option<Vec<Point>> {
        let from = offset.saturating_sub(NEAR);
        let end = offset.checked_add(NEAR)?.min(code.size);
        let bytes = heap.read(code.start.checked_add(from)?, end.checked_sub(from)?)?;
        let check = |(at, jump): (usize, &[u8])| {
            let is_jump = jump[0] == 0x0f && jump[1] & 0xf0 == 0x80;
            let distance = i64::from(u32_at(jump, 2)? as i32);
            let here = from + at as u64;
            let target = (here + JUMP as u64).checked_add_signed(distance)?;
            let found = self.addresses.binary_search_by_key(&target, |exit| exit.0).ok();
            Some((here, self.addresses[found.filter(|_| is_jump)?].1))
        };
        Some(bytes.windows(JUMP).enumerate().filter_map(check).collect())
    }
}

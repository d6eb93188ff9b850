//! Code that V8 has made, found by an address in it.

use super::heap::{Heap, Pointer};
use super::layout::fixed;
use elf::word::u64_at;

/// How far before an address its code may begin, and how much of it is read at once.
const MOST_BYTES: u64 = 1 << 20;
const AT_ONCE: u64 = 1 << 12;
/// Instructions are aligned to so many bytes.
const ALIGNED: u64 = 64;

/// The number of compiled regular expressions among the kinds of code.
const REGULAR_EXPRESSION: u32 = 3;
const KIND: u32 = 0xf;

/// Code that V8 has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) kind: Kind,
    /// Its first instruction.
    pub(super) start: u64,
    /// The bytes of its instructions.
    pub(super) size: u64,
    /// The data for deoptimization, or the bytecode of baseline code.
    pub(super) data: Option<Pointer>,
    /// The table of positions, or of the bytecodes of baseline code.
    pub(super) positions: Option<Pointer>,
}

/// The kinds of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// From bytecode, one by one.
    Baseline,
    /// By the first of the two compilers that inline.
    Maglev,
    /// By the second one.
    Turbofan,
    /// Of a regular expression.
    RegularExpression,
    /// Of something else.
    Other,
}

/// The code that was found in one answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes {
    /// The last one. Addresses are sorted, so the next one is often in it too.
    last: Option<Code>,
    /// The map of objects with instructions.
    map: Option<Pointer>,
}

impl Codes {
    /// The code at an address. Its head is searched backwards, because V8's own list of code is not laid out for others.
    /// A head that is found leads to the code, which in turn leads back to this head.
    pub(super) fn at(&mut self, heap: &Heap<'_>, address: u64) -> Option<Code> {
        let within = |code: &Code| address.wrapping_sub(code.start) < code.size;
        if !self.last.as_ref().is_some_and(within) {
            // Nearly all code has the map that other code had. No other map needs to be read for that.
            let known = self.map.and_then(|map| search(heap, address, |other| other == map));
            self.last = known.filter(within).or_else(|| {
                let is_map = |map| {
                    let kind = heap.number(map, fixed::MAP_TYPE).map(|kind| kind as u16);
                    kind == Some(heap.layout.types.instructions)
                };
                search(heap, address, is_map).filter(within)
            });
            if let Some(code) = &self.last {
                let head = Pointer::of(code.start.wrapping_sub(heap.layout.code.head) | 1);
                self.map = head.and_then(|head| heap.object(head, 0));
            }
        }
        self.last
    }
}

/// The code whose head is the last one before an address.
fn search(heap: &Heap<'_>, address: u64, is_map: impl Fn(Pointer) -> bool) -> Option<Code> {
    let rules = heap.layout.code;
    // The head is before instructions that are aligned.
    let mut head = (address / ALIGNED * ALIGNED).checked_sub(rules.head)?;
    let lowest = head.saturating_sub(MOST_BYTES);
    while head > lowest {
        let from = head.saturating_sub(AT_ONCE - 8).max(lowest) / 8 * 8;
        // Before the first code of a page, memory may not be readable.
        let bytes = readable(heap, from, head + 8)?;
        let skipped = head + 8 - bytes.len() as u64;
        while head >= skipped {
            if let Some(map) = u64_at(&bytes, (head - skipped) as usize).and_then(Pointer::of)
                && is_map(map)
                && let Some(found) = headed(heap, head)
            {
                return Some(found);
            }
            head = head.checked_sub(ALIGNED)?;
        }
    }
    None
}

/// The readable bytes up to `end`, from `from` on or from a later page on.
fn readable(heap: &Heap<'_>, from: u64, end: u64) -> Option<Vec<u8>> {
    if let Some(bytes) = heap.read(from, end - from) {
        return Some(bytes);
    }
    let page = end.checked_sub(1)? / 4096 * 4096;
    let from = page.max(from);
    heap.read(from, end - from)
}

/// The code whose instructions have their head here.
fn headed(heap: &Heap<'_>, head: u64) -> Option<Code> {
    let rules = heap.layout.code;
    let start = head.checked_add(rules.head)?;
    let instructions = Pointer::of(head | 1)?;
    let code = if rules.apart {
        let code = heap.object(instructions, 8)?;
        let code = heap.of_kind(code, heap.layout.types.code)?;
        (heap.field(code, rules.start)? == start).then_some(code)?
    } else {
        instructions
    };
    facts(heap, code, start)
}

fn facts(heap: &Heap<'_>, code: Pointer, start: u64) -> Option<Code> {
    let rules = heap.layout.code;
    let number = heap.number(code, rules.flags)? & KIND;
    let kind = match number.wrapping_sub(rules.baseline) {
        0 => Kind::Baseline,
        1 => Kind::Maglev,
        2 => Kind::Turbofan,
        _ if number == REGULAR_EXPRESSION => Kind::RegularExpression,
        _ => Kind::Other,
    };
    Some(Code {
        kind,
        start,
        size: heap.number(code, rules.size)?.into(),
        data: heap.object(code, rules.data),
        positions: heap.object(code, rules.positions),
    })
}

/// The bytecode that baseline code was made from.
pub(super) fn bytecode_of(heap: &Heap<'_>, code: Pointer) -> Option<Pointer> {
    let code = heap.of_kind(code, heap.layout.types.code)?;
    let facts = facts(heap, code, 0)?;
    let data = facts.data.filter(|_| facts.kind == Kind::Baseline)?;
    heap.of_kind(data, heap.layout.types.bytecode)
}

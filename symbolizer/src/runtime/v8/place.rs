//! From a place in code to places in sources: of one function, or of those that were inlined into it.

use super::code::{Code, Kind, bytecode_of};
use super::deopt;
use super::function::Shared;
use super::heap::{Heap, Pointer};
use super::positions::{Entries, Source, unsigned};

/// The largest table of positions, and the largest bytecode.
const MOST_TABLE: u64 = 1 << 20;
const MOST_BYTECODE: u64 = 1 << 20;
/// The most functions that are inlined at a place.
const MOST_INLINED: usize = 64;
/// The bytes of an inlined call: the position, and the number of the function.
const CALL: u64 = 16;

/// A place in a function's source. `None` for the character: V8 has not kept it.
pub(super) type Spot = (Shared, Option<u32>);

/// The bytecode of a function.
pub(super) fn bytecode(heap: &Heap<'_>, shared: Shared) -> Option<Pointer> {
    let data = heap.object(shared.object, heap.layout.shared.data)?;
    heap.of_kind(data, heap.layout.types.bytecode).or_else(|| bytecode_of(heap, data))
}

/// The character at an offset of bytecode.
pub(super) fn of_bytecode(heap: &Heap<'_>, bytecode: Pointer, offset: u64) -> Option<u32> {
    entry(heap, heap.object(bytecode, heap.layout.bytecode_positions)?, offset)?.character()
}

/// The offset of the bytecode in a frame's register, which counts from the tagged pointer to the array.
pub(super) fn of_register(heap: &Heap<'_>, register: u32) -> Option<u64> {
    u64::from(register).checked_sub(heap.layout.bytecodes - 1)
}

/// The offset of the bytecode that an instruction of baseline code belongs to. The code has a table with the size of
/// each bytecode's instructions; the first size is that of the prologue.
pub(super) fn of_baseline(heap: &Heap<'_>, code: &Code, address: u64) -> Option<u64> {
    let bytecode = heap.of_kind(code.data?, heap.layout.types.bytecode)?;
    let table = heap.bytes(code.positions?, MOST_TABLE)?;
    let length = heap.length(bytecode).filter(|length| *length <= MOST_BYTECODE)?;
    let bytecodes = heap.read(bytecode.address() + heap.layout.bytecodes, length)?;
    let wanted = address.checked_sub(code.start)?;
    let mut sizes = table.iter();
    let mut end = unsigned(&mut sizes)?;
    let (mut offset, mut next) = (0, 0);
    while end <= wanted {
        end = end.checked_add(unsigned(&mut sizes)?)?;
        offset = next;
        next += heap.layout.sizes.of(bytecodes.get(next..)?)?;
    }
    u64::try_from(offset).ok()
}

/// The places of an address in optimized code, innermost first, and whether the code tells what was inlined there. Maglev of
/// V8 12.4, and of 13.6 before Node.js 24.20, keeps no positions.
pub(super) fn of_optimized(
    heap: &Heap<'_>,
    code: &Code,
    address: u64,
) -> Option<(Vec<Spot>, bool)> {
    let rules = heap.layout.code;
    let data = code.data?;
    let mut outermost = Pointer::of(heap.element(data, rules.outermost)?)?;
    if rules.wrapped {
        outermost = heap.object(outermost, 8)?;
    }
    let outermost = Shared::of(heap, outermost)?;
    let literals = Pointer::of(heap.element(data, rules.literals)?)?;
    let calls = Pointer::of(heap.element(data, rules.inlined)?)?;
    let calls = heap.bytes(calls, MOST_TABLE)?;
    let offset = address.checked_sub(code.start)?;
    let mut source = code.positions.and_then(|table| entry(heap, table, offset));
    let mut spots = Vec::new();
    let mut below = calls.len() as u64 / CALL;
    let told = source.is_some() || below == 0;
    if source.is_none()
        && code.kind == Kind::Maglev
        && let Some(found) = of_exits(heap, code, offset)
    {
        return Some(found);
    }
    while let Some(index) = source.and_then(Source::inlined) {
        // Each call is behind the one that it is inlined into.
        if index >= below || spots.len() >= MOST_INLINED {
            return None;
        }
        below = index;
        let (next, function) = call(&calls, index)?;
        if let Some(function) = function {
            let shared = Pointer::of(heap.element(literals, function)?)?;
            spots.push((Shared::of(heap, shared)?, source.and_then(Source::character)));
        }
        source = Some(next);
    }
    spots.push((outermost, source.and_then(Source::character)));
    Some((spots, told))
}

/// The places at an offset of code without positions, innermost first, and whether they are those of a call that returns there.
fn of_exits(heap: &Heap<'_>, code: &Code, offset: u64) -> Option<(Vec<Spot>, bool)> {
    let (running, returns) = deopt::at(heap, code, offset)?;
    let spot = |(shared, offset): deopt::Running| {
        let found = offset.and_then(|at| of_bytecode(heap, bytecode(heap, shared)?, at));
        (shared, found)
    };
    Some((running.into_iter().rev().map(spot).collect(), returns))
}

/// An inlined call: its position, and the number of the function among the literals. `None`: the function that is being
/// compiled.
fn call(calls: &[u8], index: u64) -> Option<(Source, Option<u64>)> {
    let at = usize::try_from(index.checked_mul(CALL)?).ok()?;
    let position = elf::word::u64_at(calls, at)? as i64;
    let function = elf::word::u32_at(calls, at + 8)? as i32;
    Some((Source(position), u64::try_from(function).ok()))
}

/// The source position of an offset in a table.
fn entry(heap: &Heap<'_>, table: Pointer, offset: u64) -> Option<Source> {
    let bytes = heap.bytes(table, MOST_TABLE)?;
    Some(Entries::of(&bytes, heap.layout.offset_shift).at(offset)?.source)
}

//! Scripts: their names, and the lines of positions in their sources.

use super::heap::{Heap, Pointer, small};
use super::layout::fixed;
use super::text::Flat;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The most characters of a script's name.
const MOST_NAME: u64 = 4096;
/// The most characters that are read of all sources in one answer, and at once.
const MOST_SOURCE: u64 = 64 << 20;
const AT_ONCE: u64 = 1 << 16;
/// The most steps of a search in a table of line ends.
const MOST_STEPS: u32 = 32;
/// How often a source that V8 moves is read.
const TRIES: u32 = 2;

const NEW_LINE: u16 = 0x0a;
const RETURN: u16 = 0x0d;

/// The scripts of one answer.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    lines: HashMap<Pointer, Lines>,
    /// How many characters of sources have been read.
    read: u64,
}

/// The number of line ends in a source, as far as it has been read.
#[derive(Debug)]
struct Lines {
    source: Flat,
    /// Those before each block.
    before: Vec<u32>,
}

impl Scripts {
    /// The name of a script: the one that its source gives it, else the one that it was loaded by; empty if it has none.
    pub(super) fn name(heap: &Heap<'_>, script: Pointer) -> String {
        let text = |at| heap.text(heap.object(script, at)?, MOST_NAME);
        text(heap.layout.script_url).or_else(|| text(fixed::SCRIPT_NAME)).unwrap_or_default()
    }

    /// The number of a script, which stays when it moves.
    pub(super) fn id(heap: &Heap<'_>, script: Pointer) -> Option<i32> {
        heap.small(script, fixed::SCRIPT_ID)
    }

    /// The line of a character, from 1; 0 if it is unknown.
    pub(super) fn line(&mut self, heap: &Heap<'_>, script: Pointer, character: u32) -> u32 {
        let line = match computed(heap, script) {
            Some(ends) => search(heap, ends, character),
            None => (0..TRIES).find_map(|_| self.settled(heap, script, character)),
        };
        // A script may be a part of a page, which begins at a later line.
        let first = heap.small(script, fixed::SCRIPT_FIRST_LINE).unwrap_or_default();
        line.and_then(|line| line.checked_add_signed(first)?.checked_add(1)).unwrap_or_default()
    }

    /// The line of a character, from 0, by a source that V8 has not moved meanwhile: else other text may stand where it was.
    fn settled(&mut self, heap: &Heap<'_>, script: Pointer, character: u32) -> Option<u32> {
        let line = self.counted(heap, script, character);
        let source = heap.object(script, fixed::SCRIPT_SOURCE).and_then(|source| heap.flat(source));
        let stayed = self.lines.get(&script).is_some_and(|lines| Some(lines.source) == source);
        if !stayed {
            self.lines.remove(&script);
        }
        line.filter(|_| stayed)
    }

    /// The line of a character, from 0, by the source itself.
    fn counted(&mut self, heap: &Heap<'_>, script: Pointer, character: u32) -> Option<u32> {
        let lines = match self.lines.entry(script) {
            Entry::Occupied(known) => known.into_mut(),
            // A source that V8 is moving at the moment may be readable for the next position.
            Entry::Vacant(new) => {
                let source = heap.flat(heap.object(script, fixed::SCRIPT_SOURCE)?)?;
                new.insert(Lines { source, before: vec![0] })
            }
        };
        let (block, inside) = (u64::from(character) / AT_ONCE, u64::from(character) % AT_ONCE);
        while (lines.before.len() as u64) <= block {
            self.read = self.read.checked_add(AT_ONCE).filter(|read| *read <= MOST_SOURCE)?;
            lines.count_on(heap)?;
        }
        let before = *lines.before.get(usize::try_from(block).ok()?)?;
        Some(before + ends(heap, lines.source, block * AT_ONCE, inside)?)
    }
}

impl Lines {
    /// Counts the ends of lines in the next block.
    fn count_on(&mut self, heap: &Heap<'_>) -> Option<()> {
        let last = *self.before.last()?;
        let from = (self.before.len() as u64 - 1) * AT_ONCE;
        self.before.push(last + ends(heap, self.source, from, AT_ONCE)?);
        Some(())
    }
}

/// The number of line ends in a part of a source.
fn ends(heap: &Heap<'_>, source: Flat, from: u64, count: u64) -> Option<u32> {
    // Nearly all sources are of this kind, and some are very long.
    if let Some(bytes) = heap.narrow(source, from, count)
        && !bytes.contains(&(RETURN as u8))
    {
        return u32::try_from(bytes.iter().filter(|byte| **byte == NEW_LINE as u8).count()).ok();
    }
    // One character more: a return and a new line are one end.
    let units = heap.units(source, from, count + 1)?;
    let within = usize::try_from(count).ok()?.min(units.len());
    let pairs = units.iter().zip(units.iter().skip(1).map(Some).chain([None]));
    let is_end = |(unit, next): &(&u16, Option<&u16>)| match **unit {
        NEW_LINE | 0x2028 | 0x2029 => true,
        RETURN => *next != Some(&NEW_LINE),
        _ => false,
    };
    u32::try_from(pairs.take(within).filter(is_end).count()).ok()
}

/// The table of line ends that V8 has made of a script, if it needed one.
fn computed(heap: &Heap<'_>, script: Pointer) -> Option<Pointer> {
    let ends = heap.object(script, fixed::SCRIPT_LINE_ENDS)?;
    heap.of_kind(ends, heap.layout.types.fixed_array)
}

/// The line of a character, from 0, in a table of line ends.
fn search(heap: &Heap<'_>, ends: Pointer, character: u32) -> Option<u32> {
    let (mut low, mut high) = (0, heap.length(ends)?);
    for _ in 0..MOST_STEPS {
        if low >= high {
            break;
        }
        let middle = low + (high - low) / 2;
        let end = small(heap.element(ends, middle)?)?;
        if i64::from(end) < i64::from(character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    u32::try_from(low).ok()
}

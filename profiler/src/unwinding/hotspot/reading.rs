//! One reading of a code cache. New code is disassembled, and all code gets one table.

mod source;

use super::heaps::{self, MOST_BLOCKS, Walk};
use super::machine::Machine;
use super::memory::{Memory, Reader};
use crate::host::clock::monotonic;
use bpf::unwind::hotspot::{self, MOST_CODE, Rows};
use bpf::unwind::table::{Code, Table};
use source::Source;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use symbolizer::runtime::hotspot::cache::Heap;

/// The most bytes of code that are disassembled in a reading. The rest is left for the next one.
const MOST_NEW: usize = 256 << 20;
/// The time limit of disassembly in a reading. The rest is left for the next one.
const LONGEST: Duration = Duration::from_secs(4);
/// The most rows of all pieces of a process. Code beyond this limit is not read.
const MOST_ROWS: usize = 4 << 20;

/// The name of the interpreter's code.
const INTERPRETER: &str = "Interpreter";

/// A piece of code as it was read.
#[derive(Debug)]
struct Piece {
    end: u64,
    block: u64,
    mark: u64,
    rows: Rows,
    /// A hash of the code, if it was seen for the first time. It may not have been complete.
    fresh: Option<u64>,
    /// The time from which on it is known.
    since: u64,
}

/// The known code of a code cache.
#[derive(Debug)]
pub(super) struct Reading {
    /// The pieces, by the address of their code.
    pieces: BTreeMap<u64, Piece>,
    /// The number of rows of all pieces.
    rows: usize,
    /// The most rows that there is room for.
    most: usize,
    /// The time of the first reading. The code that it has seen may be of any age.
    first: Option<u64>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { pieces: BTreeMap::new(), rows: 0, most: MOST_ROWS, first: None }
    }
}

/// The places of the blobs, to tell whether each is still there.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The addresses that the heaps may use.
    pub(super) reserved: Vec<Range<u64>>,
    /// The interpreter's code.
    pub(super) interpreter: Option<Range<u64>>,
    /// The blobs, sorted by the address of their code.
    pub(super) blobs: Vec<Entry>,
}

/// A blob: its code, its block, and its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) code: Range<u64>,
    pub(super) block: u64,
    pub(super) mark: u64,
    /// The time from which on it was there.
    pub(super) since: u64,
}

impl Index {
    /// Whether an address lies in the code cache.
    pub(super) fn holds(&self, address: u64) -> bool {
        self.reserved.iter().any(|range| range.contains(&address))
    }

    /// The blob at this address.
    pub(super) fn at(&self, address: u64) -> Option<&Entry> {
        let after = self.blobs.partition_point(|entry| entry.code.start <= address);
        self.blobs.get(after.checked_sub(1)?).filter(|entry| entry.code.contains(&address))
    }
}

/// The result of a reading.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) table: Table,
    pub(super) index: Arc<Index>,
    /// Code that replaced other code since the previous reading.
    pub(super) replaced: Vec<Range<u64>>,
    /// Whether anything changed since the previous reading.
    pub(super) news: bool,
    /// Whether code is gone that only the previous reading has seen. Then there may have been code that none has seen.
    pub(super) hasty: bool,
}

impl Reading {
    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Permits this many rows.
    pub(super) fn allow(&mut self, rows: usize) {
        self.most = rows.min(MOST_ROWS);
    }

    /// Reads the changes. The table marks code that was not read yet, if `by_fp`; otherwise it has no rule there.
    pub(super) fn again(
        &mut self,
        machine: &Machine,
        memory: &dyn Memory,
        by_fp: bool,
    ) -> Option<Read> {
        let reader = Reader::new(memory);
        let heaps = machine.cache.heaps(&reader)?;
        let walk = heaps::walk(&machine.cache, &reader, &heaps);
        let since = monotonic();
        self.first.get_or_insert(since);
        let (mut replaced, hasty) = self.forget_changed(&walk);
        let source = &mut Source::new(machine, &reader, &heaps);
        let added = self.add_new(source, (&walk, since), &mut replaced);
        let news = added || !replaced.is_empty();
        let code = Code::new(heaps.iter().map(|heap: &Heap| heap.reserved.clone())).ok()?;
        let pieces = self.pieces.iter().map(|(at, piece)| (*at..piece.end, &piece.rows));
        let mut sources = vec![hotspot::source(&code, pieces)];
        sources.extend(by_fp.then(|| hotspot::not_yet(&code)));
        let table = Table::build(&code, &sources.iter().collect::<Vec<_>>());
        let entry = |(start, piece): (&u64, &Piece)| Entry {
            code: *start..piece.end,
            block: piece.block,
            mark: piece.mark,
            since: piece.since,
        };
        let blobs = self.pieces.iter().map(entry).collect();
        let interpreter = walk.blobs.iter().find(|(_, blob)| blob.name == INTERPRETER);
        let interpreter = interpreter.map(|(_, blob)| blob.code.clone());
        let index = Arc::new(Index { reserved: code.ranges().to_vec(), interpreter, blobs });
        Some(Read { table, index, replaced, news, hasty })
    }

    /// Forgets code that is no longer there. Returns the ranges that hold other code now, and whether only one reading has seen any of it.
    fn forget_changed(&mut self, walk: &Walk) -> (Vec<Range<u64>>, bool) {
        let now: HashSet<(u64, u64)> =
            walk.blobs.iter().map(|(_, blob)| (blob.code.start, blob.mark)).collect();
        let (mut gone, mut hasty) = (Vec::new(), false);
        self.pieces.retain(|at, piece| {
            let missed = walk.missed.iter().any(|range| range.contains(at));
            let stays = missed || now.contains(&(*at, piece.mark));
            if !stays {
                gone.push(*at..piece.end);
                hasty |= piece.fresh.is_some() && Some(piece.since) != self.first;
                self.rows -= piece.rows.len();
            }
            stays
        });
        (gone, hasty)
    }

    /// Disassembles new code; returns whether there was any. Code that was new in the previous reading is read once
    /// more. If its rules have changed, it is added to `replaced`.
    fn add_new(
        &mut self,
        source: &mut Source<'_, '_>,
        (walk, since): (&Walk, u64),
        replaced: &mut Vec<Range<u64>>,
    ) -> bool {
        let begin = Instant::now();
        let mut added = false;
        let mut left = MOST_NEW;
        for (block, blob) in &walk.blobs {
            let start = blob.code.start;
            let full = self.rows >= self.most || self.pieces.len() >= MOST_BLOCKS;
            let known = self.pieces.get_mut(&start);
            if known.as_ref().map_or(full, |piece| piece.fresh.is_none()) {
                continue;
            }
            let len = (blob.code.end - start) as usize;
            let Some(rest) = left.checked_sub(len).filter(|_| len <= MOST_CODE) else { continue };
            let Some(code) = source.reader.bytes(start, len) else { continue };
            let fresh = Some(hash(&code));
            if let Some(known) = known.filter(|known| known.fresh == fresh) {
                known.fresh = None;
                continue;
            }
            left = rest;
            let late = begin.elapsed() > LONGEST;
            let piece = (!full && !late).then(|| {
                let (end, block, mark) = (blob.code.end, *block, blob.mark);
                Piece { end, block, mark, rows: source.rows(blob, &code), fresh, since }
            });
            let (before, same) = self.put(start, piece);
            added |= !same;
            replaced.extend((before && !same).then(|| blob.code.clone()));
            if late {
                break;
            }
        }
        added
    }

    /// Replaces the piece at an address. Returns whether there was one before, and whether the rules stay the same.
    fn put(&mut self, at: u64, piece: Option<Piece>) -> (bool, bool) {
        let before = self.pieces.remove(&at).map(|piece| piece.rows);
        self.rows -= before.as_ref().map_or(0, Rows::len);
        let same = before.as_ref() == piece.as_ref().map(|piece| &piece.rows);
        if let Some(piece) = piece {
            self.rows += piece.rows.len();
            self.pieces.insert(at, piece);
        }
        (before.is_some(), same)
    }
}

fn hash(code: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    code.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HEAP, METHOD, machine, machinery};
    use super::*;

    const CODE: u64 = HEAP + 0x80;

    fn code(number: u64) -> Range<u64> {
        CODE + 0x100 * number..CODE + 0x100 * number + METHOD.len() as u64
    }

    #[test]
    fn code_that_was_not_all_there_is_replaced() {
        let mut made = machinery();
        let machine = machine(&made, &made.memory()).unwrap();
        let mut reading = Reading::default();
        made.block(0, 1, &[0x90; METHOD.len()]);
        assert!(reading.again(&machine, &made.memory(), true).unwrap().news);
        made.block(0, 1, METHOD);
        let read = reading.again(&machine, &made.memory(), true).unwrap();
        assert_eq!((read.news, read.replaced), (true, Vec::from_iter(Some(code(0)))));
        let read = reading.again(&machine, &made.memory(), true).unwrap();
        assert_eq!((read.news, read.replaced.len()), (false, 0));
    }

    #[test]
    fn what_a_walk_did_not_come_to_is_kept() {
        let mut made = machinery();
        let machine = machine(&made, &made.memory()).unwrap();
        made.block(1, 2, METHOD);
        made.block(2, 3, METHOD);
        let mut reading = Reading::default();
        assert_eq!(reading.again(&machine, &made.memory(), true).unwrap().index.blobs.len(), 3);
        made.block(0, 4, METHOD);
        let mut memory = made.memory();
        let heap = memory.0.iter_mut().find(|piece| piece.0 == HEAP).unwrap();
        heap.1[0x100..0x108].fill(0xff);
        let read = reading.again(&machine, &memory, true).unwrap();
        assert_eq!(read.replaced, Vec::from_iter(Some(code(0))));
        let there: Vec<Range<u64>> = read.index.blobs.iter().map(|e| e.code.clone()).collect();
        assert_eq!(there, [0, 1, 2].map(code));
        // A walk to the end finds both blobs gone.
        let rest = memory.0.iter_mut().find(|piece| piece.0 == HEAP).unwrap();
        rest.1[0x100..0x108].fill(0);
        let read = reading.again(&machine, &memory, true).unwrap();
        assert_eq!((read.replaced, read.index.blobs.len()), ([1, 2].map(code).to_vec(), 1));
    }

    #[test]
    fn no_more_is_read_than_there_are_rows_for() {
        let made = machinery();
        let machine = machine(&made, &made.memory()).unwrap();
        let mut reading = Reading { rows: 9, most: 9, ..Reading::default() };
        let read = reading.again(&machine, &made.memory(), true).unwrap();
        assert_eq!((read.news, read.index.blobs.len()), (false, 0));
        (reading.rows, reading.most) = (0, MOST_ROWS);
        assert!(reading.again(&machine, &made.memory(), true).unwrap().news);
        assert_eq!(reading.rows, reading.pieces[&CODE].rows.len());
    }
}

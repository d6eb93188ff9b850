//! One reading of a code cache. New code is disassembled, and all code gets one table.

mod batches;
mod source;
#[cfg(test)]
mod tests;

use super::facts;
use super::heaps::{self, MOST_BLOCKS, Walk};
use super::machine::Machine;
use super::memory::{Memory, Reader};
use crate::host::clock::monotonic;
use batches::batches;
use bpf::RuntimeFacts;
use bpf::unwind::hotspot::{self, Rows};
use bpf::unwind::table::{Code, Table};
use source::Source;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use symbolizer::runtime::hotspot::cache::{Blob, Heap};

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
    number: u32,
    rows: Rows,
    /// Whether the kernel's walker can find its frames by their size.
    sized: bool,
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
    /// Whether frames of compiled methods shall be found by their size, and whether the last table leaves them to that. Then no rule of code
    /// that is gone is followed.
    churns: bool,
    by_size: bool,
}

impl Default for Reading {
    fn default() -> Self {
        let (pieces, most) = (BTreeMap::new(), MOST_ROWS);
        Self { pieces, rows: 0, most, first: None, churns: false, by_size: false }
    }
}

/// What the rules of added code are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    Same,
    New,
    Replaced,
}

/// The places of the blobs, to tell whether each is still there.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The addresses that the heaps may use.
    pub(super) reserved: Vec<Range<u64>>,
    /// The interpreter's code.
    pub(super) interpreter: Option<Range<u64>>,
    /// What the walk of its frames, and of those in code that no reading has seen, needs.
    pub(super) frames: Option<RuntimeFacts>,
    /// The blobs, sorted by the address of their code.
    pub(super) blobs: Vec<Entry>,
}

/// A blob: its code, its block, its mark, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) code: Range<u64>,
    pub(super) block: u64,
    pub(super) mark: u64,
    pub(super) number: u32,
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
    /// Whether code came or went.
    pub(super) moves: bool,
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

    /// Tells whether code comes and goes faster than it is read.
    pub(super) fn churn(&mut self, churns: bool) {
        self.churns = churns;
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
        let with = |frames| facts::with_code(frames, &machine.cache, &reader, &heaps);
        let frames = machine.frames.clone().map(with);
        let by_size = self.churns && by_fp && frames.as_ref() != machine.frames.as_ref();
        let changes = std::mem::replace(&mut self.by_size, by_size) != by_size;
        let moves = added || !replaced.is_empty();
        let news = moves || changes;
        let code = Code::new(heaps.iter().map(|heap: &Heap| heap.reserved.clone())).ok()?;
        let ruled = self.pieces.iter().filter(|(_, piece)| !(by_size && piece.sized));
        let ruled = ruled.map(|(at, piece)| (*at..piece.end, &piece.rows));
        let mut sources = vec![hotspot::source(&code, ruled)];
        sources.extend(by_fp.then(|| hotspot::not_yet(&code)));
        let table = Table::build(&code, &sources.iter().collect::<Vec<_>>());
        let entry = |(start, piece): (&u64, &Piece)| Entry {
            code: *start..piece.end,
            block: piece.block,
            mark: piece.mark,
            number: piece.number,
            since: piece.since,
        };
        let blobs = self.pieces.iter().map(entry).collect();
        let interpreter = walk.blobs.iter().find(|(_, blob)| blob.name == INTERPRETER);
        let interpreter = interpreter.map(|(_, blob)| blob.code.clone());
        let reserved = code.ranges().to_vec();
        let index = Arc::new(Index { reserved, interpreter, frames, blobs });
        Some(Read { table, index, replaced, news, moves, hasty })
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
        let (mut added, mut left) = (false, MOST_NEW);
        // What there is no room for is not read either.
        let full = self.is_full();
        let is_new = |start| self.pieces.get(&start).map_or(!full, |known| known.fresh.is_some());
        let new: Vec<&(u64, Blob)> =
            walk.blobs.iter().filter(|(_, blob)| is_new(blob.code.start)).collect();
        for some in batches(&new) {
            let ranges: Vec<Range<u64>> = some.iter().map(|(_, blob)| blob.code.clone()).collect();
            let codes = source.reader.ranges(&ranges);
            for ((block, blob), code) in some.into_iter().zip(codes) {
                let late = begin.elapsed() > LONGEST;
                let code = code.filter(|code| code.len() <= left);
                let Some(code) = code else { continue };
                let Some(rows) = self.add(source, (*block, blob), (&code, since), late) else {
                    continue;
                };
                left -= code.len();
                added |= rows != Added::Same;
                replaced.extend((rows == Added::Replaced).then(|| blob.code.clone()));
                if late {
                    return added;
                }
            }
        }
        added
    }

    /// Whether there is no room for more code.
    fn is_full(&self) -> bool {
        self.rows >= self.most || self.pieces.len() >= MOST_BLOCKS
    }

    /// Adds a blob with this code; without its rules if it is late or there is no room for them. `None`: it is known, or there is no room.
    fn add(
        &mut self,
        source: &mut Source<'_, '_>,
        (block, blob): (u64, &Blob),
        (code, since): (&[u8], u64),
        late: bool,
    ) -> Option<Added> {
        let start = blob.code.start;
        let full = self.is_full();
        let fresh = Some(hash(code));
        match self.pieces.get_mut(&start) {
            Some(known) if known.fresh == fresh => {
                known.fresh = None;
                return None;
            }
            None if full => return None,
            _ => {}
        }
        let piece = (!full && !late).then(|| {
            let (end, mark, number) = (blob.code.end, blob.mark, blob.number);
            let (rows, sized) = (source.rows(blob, code), blob.is_method());
            Piece { end, block, mark, number, rows, sized, fresh, since }
        });
        Some(match self.put(start, piece) {
            (_, true) => Added::Same,
            (true, false) => Added::Replaced,
            (false, false) => Added::New,
        })
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

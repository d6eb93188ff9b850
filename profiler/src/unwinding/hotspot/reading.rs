//! One reading of a code cache: what is new in it is disassembled, and a table made of it all.

use super::codelets;
use super::heaps::{self, Blob, Fields, Heap};
use super::layout::{Layout, Symbols};
use super::memory::{Memory, Reader};
use bpf::unwind::hotspot::{self, Codelet, MOST_CODE, Rows, What};
use bpf::unwind::table::{Code, Table};
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of code that are disassembled in a reading; the rest is left for the next one.
const MOST_NEW: usize = 256 << 20;
/// Bytes of the library's data that may point at stubs.
const MOST_DATA: usize = 16 << 20;

/// What stays the same as long as a process runs one program.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) fields: Fields,
    /// Where the library has data.
    data: Vec<Range<u64>>,
}

impl Machine {
    /// Of the process that has a library with these symbols.
    pub(super) fn of(
        memory: &dyn Memory,
        symbols: &Symbols,
        data: Vec<Range<u64>>,
    ) -> Option<Self> {
        let layout = Layout::read(&Reader::new(memory), symbols)?;
        Some(Self { fields: Fields::of(&layout)?, data })
    }
}

/// A piece of code as it was read.
#[derive(Debug)]
struct Piece {
    end: u64,
    identity: u64,
    rows: Rows,
    /// Of what was just seen for the first time, a hash of its code: not all of it may have been there.
    fresh: Option<u64>,
}

/// What is known of a code cache.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// By the address of the code.
    pieces: BTreeMap<u64, Piece>,
}

/// Where which blob was found, so that it can be told whether it is still there.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// All that the heaps may take.
    pub(super) reserved: Vec<Range<u64>>,
    /// Code, its block, and what was in it; sorted.
    pub(super) blobs: Vec<Entry>,
}

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) code: Range<u64>,
    pub(super) block: u64,
    pub(super) identity: u64,
}

impl Index {
    /// Whether an address lies in the code cache.
    pub(super) fn holds(&self, address: u64) -> bool {
        self.reserved.iter().any(|range| range.contains(&address))
    }

    /// The blob at an address.
    pub(super) fn at(&self, address: u64) -> Option<&Entry> {
        let after = self.blobs.partition_point(|entry| entry.code.start <= address);
        self.blobs.get(after.checked_sub(1)?).filter(|entry| entry.code.contains(&address))
    }
}

/// What a reading gives.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) table: Table,
    pub(super) index: Arc<Index>,
    /// Code that stands where other code stood at the reading before.
    pub(super) replaced: Vec<Range<u64>>,
    /// Whether anything is other than at the reading before.
    pub(super) news: bool,
}

impl Reading {
    /// Reads what changed. Where a rule is missing because the code was not read yet, the table says so, if `by_fp`;
    /// otherwise it has none there.
    pub(super) fn again(
        &mut self,
        machine: &Machine,
        memory: &dyn Memory,
        by_fp: bool,
    ) -> Option<Read> {
        let reader = Reader::new(memory);
        let heaps = heaps::heaps(&machine.fields, &reader)?;
        let blobs = heaps::blobs(&machine.fields, &reader, &heaps);
        let replaced = self.forget_changed(&blobs);
        let added = self.add_new(machine, &reader, &blobs);
        let news = added || !replaced.is_empty();
        let code = Code::new(heaps.iter().map(|heap: &Heap| heap.reserved.clone())).ok()?;
        let pieces = self.pieces.iter().map(|(at, piece)| (*at..piece.end, &piece.rows));
        let mut sources = vec![hotspot::source(&code, pieces)];
        sources.extend(by_fp.then(|| hotspot::not_yet(&code)));
        let table = Table::build(&code, &sources.iter().collect::<Vec<_>>());
        let entry = |(block, blob): &(u64, Blob)| {
            let known = self.pieces.contains_key(&blob.code.start);
            let (block, identity, code) = (*block, blob.identity, blob.code.clone());
            known.then_some(Entry { code, block, identity })
        };
        let mut blobs: Vec<Entry> = blobs.iter().filter_map(entry).collect();
        blobs.sort_unstable_by_key(|entry| entry.code.start);
        let reserved = code.ranges().to_vec();
        Some(Read { table, index: Arc::new(Index { reserved, blobs }), replaced, news })
    }

    /// Forgets what is no longer there, and says where other code stands now.
    fn forget_changed(&mut self, blobs: &[(u64, Blob)]) -> Vec<Range<u64>> {
        let now: HashSet<(u64, u64)> =
            blobs.iter().map(|(_, blob)| (blob.code.start, blob.identity)).collect();
        let mut gone = Vec::new();
        self.pieces.retain(|at, piece| {
            let stays = now.contains(&(*at, piece.identity));
            if !stays {
                gone.push(*at..piece.end);
            }
            stays
        });
        gone
    }

    /// Disassembles what is new; whether anything is. What was new the last time is looked at once more.
    fn add_new(&mut self, machine: &Machine, reader: &Reader<'_>, blobs: &[(u64, Blob)]) -> bool {
        let mut added = false;
        let mut left = MOST_NEW;
        let mut pointers = None;
        for (_, blob) in blobs {
            let known = self.pieces.get_mut(&blob.code.start);
            if known.as_ref().is_some_and(|piece| piece.fresh.is_none()) {
                continue;
            }
            let len = (blob.code.end - blob.code.start) as usize;
            let Some(rest) = left.checked_sub(len).filter(|_| len <= MOST_CODE) else { continue };
            let Some(code) = reader.bytes(blob.code.start, len) else { continue };
            let hash = Some(hash(&code));
            if let Some(known) = known.filter(|known| known.fresh == hash) {
                known.fresh = None;
                continue;
            }
            left = rest;
            let rows = self::rows(machine, reader, blob, &code, &mut pointers);
            let (end, identity) = (blob.code.end, blob.identity);
            self.pieces.insert(blob.code.start, Piece { end, identity, rows, fresh: hash });
            added = true;
        }
        added
    }
}

fn hash(code: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    code.hash(&mut hasher);
    hasher.finish()
}

/// What kind of code a blob has, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Method,
    Interpreter,
    Routines,
    Adapter,
    Frameless,
    Opaque,
    Stub,
}

fn kind(name: &str) -> Kind {
    match name {
        _ if heaps::is_method(name) => Kind::Method,
        "Interpreter" => Kind::Interpreter,
        // Returns to them are not where the stack goes on.
        _ if name.starts_with("StubRoutines") && name.contains("ontinuation") => Kind::Opaque,
        _ if name.starts_with("StubRoutines") => Kind::Routines,
        "I2C/C2I adapters" => Kind::Adapter,
        "vtable chunks" | "InlineCacheBuffer" | "native signature handlers" => Kind::Frameless,
        "MethodHandles adapters" | "adapters" => Kind::Opaque,
        _ if name.contains("emp") && name.contains("Buffer") => Kind::Opaque,
        _ => Kind::Stub,
    }
}

/// The rules of a blob's code; `pointers` are read when they are first needed.
fn rows(
    machine: &Machine,
    reader: &Reader<'_>,
    blob: &Blob,
    code: &[u8],
    pointers: &mut Option<Vec<u64>>,
) -> Rows {
    let (kind, address) = (kind(&blob.name), blob.code.start);
    let of = |what| hotspot::rules(&hotspot::Blob { what, address, code });
    match kind {
        Kind::Interpreter => {
            let pieces = &self::pieces(machine, reader, blob);
            of(What::Interpreter { pieces })
        }
        Kind::Routines => {
            let pointers = pointers.get_or_insert_with(|| words(reader, &machine.data));
            of(what(kind, blob, pointers))
        }
        _ => of(what(kind, blob, &[])),
    }
}

/// What is said of a blob, but for the interpreter.
fn what<'a>(kind: Kind, blob: &Blob, pointers: &'a [u64]) -> What<'a> {
    let offset = |at: u64| at.checked_sub(blob.code.start).and_then(|at| u32::try_from(at).ok());
    let words = u32::try_from(blob.words).ok();
    match kind {
        Kind::Method => What::Compiled {
            complete: u32::try_from(blob.complete).unwrap_or(u32::MAX),
            words: words.unwrap_or(u32::MAX),
            second_entry: offset(blob.second_entry),
        },
        Kind::Routines => What::Routines { pointers },
        Kind::Adapter => What::Adapter,
        Kind::Frameless => What::Frameless,
        Kind::Stub => What::Stub { words },
        Kind::Opaque | Kind::Interpreter => What::Opaque,
    }
}

/// Where the interpreter's pieces lie in its blob.
fn pieces(machine: &Machine, reader: &Reader<'_>, blob: &Blob) -> Vec<Codelet> {
    let place = |at: u64| u32::try_from(at.checked_sub(blob.code.start)?).ok();
    let Some(interpreter) = &machine.fields.interpreter else { return Vec::new() };
    let pieces = codelets::codelets(interpreter, reader).into_iter();
    let codelet = |(code, name): (Range<u64>, String)| {
        let entry = name.starts_with("method entry point");
        Some(Codelet { begin: place(code.start)?, end: place(code.end)?, entry })
    };
    pieces.filter_map(codelet).collect()
}

/// The words of the library's data.
fn words(reader: &Reader<'_>, data: &[Range<u64>]) -> Vec<u64> {
    let mut words = Vec::new();
    let mut left = MOST_DATA;
    for range in data {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0).min(left);
        left -= len;
        let bytes = reader.bytes(range.start, len).unwrap_or_default();
        let (chunks, _) = bytes.as_chunks::<8>();
        words.extend(chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)));
    }
    words
}

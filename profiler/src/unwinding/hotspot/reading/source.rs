//! The facts that the rules of a blob's code are made from.

use super::super::codelets;
use super::super::machine::Machine;
use super::super::memory::Reader;
use bpf::unwind::hotspot::{self, Codelet, Rows, What};
use std::ops::Range;
use symbolizer::runtime::hotspot::cache::{self, Blob, Heap};

/// The most bytes of the library's data that are searched for pointers to stubs.
const MOST_DATA: usize = 16 << 20;

/// The kind of a blob's code, told by its name.
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
        _ if cache::is_method(name) => Kind::Method,
        "Interpreter" => Kind::Interpreter,
        // A return into this code does not lead to the next frame of the stack.
        _ if name.starts_with("StubRoutines") && name.contains("ontinuation") => Kind::Opaque,
        _ if name.starts_with("StubRoutines") => Kind::Routines,
        "I2C/C2I adapters" => Kind::Adapter,
        "vtable chunks" | "InlineCacheBuffer" | "native signature handlers" => Kind::Frameless,
        "MethodHandles adapters" | "adapters" => Kind::Opaque,
        _ if name.contains("emp") && name.contains("Buffer") => Kind::Opaque,
        _ => Kind::Stub,
    }
}

/// Makes the rules of blobs. Facts that all blobs share are read when they are first needed.
pub(super) struct Source<'a, 'm> {
    machine: &'a Machine,
    pub(super) reader: &'a Reader<'m>,
    heaps: &'a [Heap],
    pointers: Option<Vec<u64>>,
    codelets: Option<Vec<(Range<u64>, String)>>,
}

impl<'a, 'm> Source<'a, 'm> {
    pub(super) fn new(machine: &'a Machine, reader: &'a Reader<'m>, heaps: &'a [Heap]) -> Self {
        Self { machine, reader, heaps, pointers: None, codelets: None }
    }

    /// The rules of a blob's code.
    pub(super) fn rows(&mut self, blob: &Blob, code: &[u8]) -> Rows {
        let (kind, address) = (kind(&blob.name), blob.code.start);
        let of = |what| hotspot::rules(&hotspot::Blob { what, address, code });
        match kind {
            Kind::Interpreter => {
                let pieces = &self.pieces(&blob.code);
                of(What::Interpreter { pieces })
            }
            Kind::Routines => {
                let (reader, data, heaps) = (self.reader, &self.machine.data, self.heaps);
                let pointers = self.pointers.get_or_insert_with(|| words(reader, data, heaps));
                of(what(kind, blob, pointers))
            }
            _ => of(what(kind, blob, &[])),
        }
    }

    /// The pieces of the interpreter in its blob.
    fn pieces(&mut self, code: &Range<u64>) -> Vec<Codelet> {
        let Some(interpreter) = &self.machine.interpreter else { return Vec::new() };
        let reader = self.reader;
        let all = self.codelets.get_or_insert_with(|| codelets::codelets(interpreter, reader));
        let first = all.partition_point(|(piece, _)| piece.start < code.start);
        let inside = all[first..].iter().take_while(|(piece, _)| piece.end <= code.end);
        let place = |at: u64| u32::try_from(at - code.start).ok();
        let codelet = |(code, name): &(Range<u64>, String)| {
            let entry = name.starts_with("method entry point");
            Some(Codelet { begin: place(code.start)?, end: place(code.end)?, entry })
        };
        inside.filter_map(codelet).collect()
    }
}

/// The facts about a blob that is not the interpreter.
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

/// The words of the library's data that point into the heaps, sorted.
fn words(reader: &Reader<'_>, data: &[Range<u64>], heaps: &[Heap]) -> Vec<u64> {
    let mut words = Vec::new();
    let mut left = MOST_DATA;
    for range in data {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0).min(left);
        left -= len;
        let bytes = reader.bytes(range.start, len).unwrap_or_default();
        let (chunks, _) = bytes.as_chunks::<8>();
        let found = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk));
        words.extend(found.filter(|word| heaps.iter().any(|heap| heap.reserved.contains(word))));
    }
    words.sort_unstable();
    words.dedup();
    words
}

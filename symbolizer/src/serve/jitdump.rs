//! Jitdumps: records of the code that a JIT compiler makes and moves, with the code itself, written while it works.
//! Source: `tools/perf/Documentation/jitdump-specification.txt` of Linux. All numbers are little-endian.

use super::overlapping::{self, Overlapping, reading};
use crate::name::{Named, Text, Texts, text};
use elf::word::{u32_at, u64_at};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

/// The first four bytes.
const MAGIC: u32 = u32::from_be_bytes(*b"JiTD");
/// The bytes before the first record, unless the head says more.
const HEAD: u64 = 40;
/// The bytes of each record before those of its kind.
const RECORD: u64 = 16;
/// The kinds of records: code that was made, and code that was moved.
const MADE: u32 = 0;
const MOVED: u32 = 1;
/// The offset of a name, and the most bytes of it.
const NAME: usize = 56;
const MOST_NAME: usize = 4 << 10;
/// The most records that are read, and the most pieces of code that may move.
const MOST_RECORDS: usize = 1 << 20;
const MOST_PIECES: usize = 1 << 20;

/// Whether a file begins as a jitdump does.
pub(super) fn is(file: &File) -> bool {
    let mut begin = [0; 4];
    file.read_exact_at(&mut begin, 0).is_ok() && u32::from_le_bytes(begin) == MAGIC
}

/// The name of the code at each of the sorted addresses, from the bytes of a dump.
pub fn names_in(dump: &[u8], addresses: &[u64]) -> Vec<Option<Text>> {
    names(reading(dump), addresses, &mut Texts::default())
}

/// Names for sorted addresses of an address space's JIT code.
pub(super) fn named(dump: &File, addresses: &[u64], texts: &mut Texts) -> Vec<Named> {
    overlapping::named(names(|offset, buffer| dump.read_at(buffer, offset), addresses, texts))
}

fn names(
    read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
    addresses: &[u64],
    texts: &mut Texts,
) -> Vec<Option<Text>> {
    let mut dump = Dump { read, buffer: vec![0; NAME + MOST_NAME], offsets: HashMap::new() };
    let mut found = Overlapping::of(addresses);
    let Some(mut offset) = dump.first() else { return found.names() };
    for _ in 0..MOST_RECORDS {
        // The records before a broken one, or before one that is being written, are kept.
        let Some((size, code)) = dump.record(offset) else { break };
        let known = code.map(|code| found.add(code.start, code.size, || dump.name(&code, texts)));
        let Some(next) = offset.checked_add(size) else { break };
        if known.is_some_and(|flow| flow == ControlFlow::Break(())) {
            break;
        }
        offset = next;
    }
    found.names()
}

/// A piece of code from a record on.
struct Code {
    start: u64,
    size: u64,
    /// Where the record is that has its name.
    named_at: u64,
}

/// A dump that is being read.
struct Dump<R> {
    read: R,
    buffer: Vec<u8>,
    /// Where the records are that have the names of pieces, by the numbers of these.
    offsets: HashMap<u64, u64>,
}

impl<R: FnMut(u64, &mut [u8]) -> io::Result<usize>> Dump<R> {
    /// The bytes from an offset on, as far as a record's name may go.
    fn at(&mut self, offset: u64) -> Option<&[u8]> {
        let count = (self.read)(offset, &mut self.buffer).ok()?;
        self.buffer.get(..count)
    }

    /// The offset of the first record.
    fn first(&mut self) -> Option<u64> {
        let head = self.at(0)?;
        let magic = u32_at(head, 0)? == MAGIC;
        let size = u64::from(u32_at(head, 8)?);
        (magic && size >= HEAD).then_some(size)
    }

    /// The size of a record, and the code that it tells of.
    fn record(&mut self, offset: u64) -> Option<(u64, Option<Code>)> {
        let bytes = self.at(offset)?;
        let (kind, size) = (u32_at(bytes, 0)?, u64::from(u32_at(bytes, 4)?));
        if size < RECORD {
            return None;
        }
        let code = match kind {
            MADE => {
                let (start, size) = (u64_at(bytes, 32)?, u64_at(bytes, 40)?);
                let number = u64_at(bytes, 48)?;
                if self.offsets.len() < MOST_PIECES {
                    self.offsets.insert(number, offset);
                }
                Some(Code { start, size, named_at: offset })
            }
            MOVED => {
                let (start, size) = (u64_at(bytes, 40)?, u64_at(bytes, 48)?);
                let number = u64_at(bytes, 56)?;
                let named_at = self.offsets.get(&number).copied();
                named_at.map(|named_at| Code { start, size, named_at })
            }
            _ => None,
        };
        Some((size, code))
    }

    /// The name of a piece of code.
    fn name(&mut self, code: &Code, texts: &mut Texts) -> Option<Text> {
        let bytes = self.at(code.named_at)?.get(NAME..)?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let name = bytes[..end].trim_ascii();
        (!name.is_empty()).then(|| texts.keep(&text(name)))
    }
}

//! Reads of a process that may be hostile. They are bounded in bytes and in number.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use symbolizer::foreign::FarMemory;
use symbolizer::runtime::hotspot::Words;

/// A process's memory.
pub(super) trait Memory: fmt::Debug {
    /// Fills `bytes` from this address on. Returns whether all of them could be read.
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool;

    /// The bytes at these addresses, `length` at each; `None` where they cannot be read.
    fn pieces(&self, addresses: &[u64], length: usize) -> Vec<Option<Vec<u8>>> {
        let one = |address: &u64| {
            let mut bytes = vec![0; length];
            self.fill(*address, &mut bytes).then_some(bytes)
        };
        addresses.iter().map(one).collect()
    }
}

/// `/proc/PID/mem`: the address space that the process had when this file was opened.
impl Memory for FarMemory {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        Self::fill(self, address, bytes)
    }

    fn pieces(&self, addresses: &[u64], length: usize) -> Vec<Option<Vec<u8>>> {
        Self::pieces(self, addresses, length)
    }
}

/// The most bytes and the most reads of a process in one reading.
const MOST_BYTES: u64 = 512 << 20;
const MOST_READS: u64 = 2 << 20;
/// The sizes of what is read for a small read, and the most pages that are kept. A block may begin or end where there is no memory; then its
/// page is read alone.
const BLOCK: u64 = 4 * PAGE;
const PAGE: u64 = 4096;
const MOST_PAGES: usize = 1 << 13;
/// The length of the longest name.
const NAME: usize = 128;

/// Reads a process until the bounds are reached. After that, every read fails.
#[derive(Debug)]
pub(super) struct Reader<'m> {
    memory: &'m dyn Memory,
    bytes: Cell<u64>,
    reads: Cell<u64>,
    pages: RefCell<HashMap<u64, Option<Box<[u8]>>>>,
}

impl<'m> Reader<'m> {
    pub(super) fn new(memory: &'m dyn Memory) -> Self {
        let (bytes, reads) = (Cell::new(MOST_BYTES), Cell::new(MOST_READS));
        Self { memory, bytes, reads, pages: RefCell::default() }
    }

    /// Fills bytes with the present content of memory.
    pub(super) fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let (Some(left), Some(reads)) =
            (self.bytes.get().checked_sub(bytes.len() as u64), self.reads.get().checked_sub(1))
        else {
            return false;
        };
        self.bytes.set(left);
        self.reads.set(reads);
        self.memory.fill(address, bytes)
    }

    /// Reads this many bytes as they are now.
    pub(super) fn bytes(&self, address: u64, len: usize) -> Option<Vec<u8>> {
        if len as u64 > self.bytes.get() {
            return None;
        }
        let mut bytes = vec![0; len];
        self.fill(address, &mut bytes).then_some(bytes)
    }

    /// Reads pieces of this length as they are now; `None` where they cannot be read.
    pub(super) fn pieces(&self, addresses: &[u64], length: usize) -> Vec<Option<Vec<u8>>> {
        let number = addresses.len() as u64;
        let bytes = self.bytes.get().checked_sub(number.saturating_mul(length as u64));
        let (Some(left), Some(reads)) = (bytes, self.reads.get().checked_sub(number)) else {
            return vec![None; addresses.len()];
        };
        self.bytes.set(left);
        self.reads.set(reads);
        self.memory.pieces(addresses, length)
    }

    /// The bytes of these ranges as they are now; `None` where they cannot be read. All their pages are read at once, each of them once.
    pub(super) fn ranges(&self, ranges: &[Range<u64>]) -> Vec<Option<Vec<u8>>> {
        let of = |range: &Range<u64>| range.start / PAGE..range.end.div_ceil(PAGE);
        let mut numbers: Vec<u64> = ranges.iter().flat_map(of).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let places: Vec<u64> = numbers.iter().map(|number| number * PAGE).collect();
        let read = self.pieces(&places, PAGE as usize);
        let pages: HashMap<u64, Vec<u8>> = numbers
            .into_iter()
            .zip(read)
            .filter_map(|(number, page)| Some((number, page?)))
            .collect();
        let bytes = |range: &Range<u64>| {
            let mut bytes = Vec::new();
            for number in of(range) {
                bytes.extend(pages.get(&number)?);
            }
            bytes.drain(..(range.start % PAGE) as usize);
            bytes.truncate((range.end - range.start) as usize);
            Some(bytes)
        };
        ranges.iter().map(bytes).collect()
    }

    /// The short texts at these addresses, which are read at once; `None` where there is none.
    pub(super) fn texts(&self, addresses: &[u64]) -> Vec<Option<String>> {
        let read = |(at, bytes): (&u64, Option<Vec<u8>>)| {
            // Behind a text there may be no memory.
            let Some(mut bytes) = bytes else { return self.text(*at) };
            bytes.truncate(bytes.iter().position(|byte| *byte == 0)?);
            String::from_utf8(bytes).ok()
        };
        addresses.iter().zip(self.pieces(addresses, NAME)).map(read).collect()
    }

    fn cached(&self, address: u64, bytes: &mut [u8]) -> Option<()> {
        for (at, byte) in bytes.iter_mut().enumerate() {
            let at = address.checked_add(at as u64)?;
            let (number, offset) = (at / PAGE, (at % PAGE) as usize);
            let mut pages = self.pages.borrow_mut();
            if !pages.contains_key(&number) {
                if pages.len() >= MOST_PAGES {
                    pages.clear();
                }
                self.read_page(number, &mut pages);
            }
            *byte = pages.get(&number)?.as_ref()?[offset];
        }
        Some(())
    }

    /// Reads a page, and the others of its block.
    fn read_page(&self, number: u64, pages: &mut HashMap<u64, Option<Box<[u8]>>>) {
        let mut block = vec![0; BLOCK as usize];
        let first = number * PAGE / BLOCK * (BLOCK / PAGE);
        if self.fill(first * PAGE, &mut block) {
            for (number, page) in (first..).zip(block.chunks_exact(PAGE as usize)) {
                pages.entry(number).or_insert_with(|| Some(page.into()));
            }
            return;
        }
        let page = &mut block[..PAGE as usize];
        let read = self.fill(number * PAGE, page);
        pages.insert(number, read.then(|| (&*page).into()));
    }
}

/// Pages are read once and kept.
impl Words for Reader<'_> {
    fn number(&self, address: u64, size: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        self.cached(address, bytes.get_mut(..size)?)?;
        Some(u64::from_le_bytes(bytes))
    }

    fn text(&self, address: u64) -> Option<String> {
        let mut text = Vec::new();
        for at in 0..NAME as u64 {
            let mut byte = [0];
            self.cached(address.checked_add(at)?, &mut byte)?;
            if byte[0] == 0 {
                return String::from_utf8(text).ok();
            }
            text.push(byte[0]);
        }
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Memory at some addresses, and the record of reads.
    #[derive(Debug, Default)]
    pub(in crate::unwinding::hotspot) struct Pieces(
        pub(in crate::unwinding::hotspot) Vec<(u64, Vec<u8>)>,
    );

    impl Memory for Pieces {
        fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
            bytes.iter_mut().enumerate().all(|(offset, byte)| {
                let Some(at) = address.checked_add(offset as u64) else { return false };
                let found = self.0.iter().find_map(|(start, piece)| {
                    piece.get(usize::try_from(at.checked_sub(*start)?).ok()?)
                });
                found.is_some_and(|found| {
                    *byte = *found;
                    true
                })
            })
        }
    }

    /// Memory full of zeros.
    #[derive(Debug)]
    struct Zeros;

    impl Memory for Zeros {
        fn fill(&self, _: u64, _: &mut [u8]) -> bool {
            true
        }
    }

    #[test]
    fn only_so_many_pages_are_kept() {
        let reader = Reader::new(&Zeros);
        for page in 0..2 * MOST_PAGES as u64 + 5 {
            assert_eq!(reader.word(page * PAGE), Some(0));
            assert!(reader.pages.borrow().len() <= MOST_PAGES);
        }
        assert_eq!(reader.pages.borrow().len(), 8, "two blocks");
    }

    #[test]
    fn texts_end_before_there_is_no_memory() {
        let mut page = vec![b'x'; PAGE as usize];
        page[4..8].copy_from_slice(b"one\0");
        page[4092..].copy_from_slice(b"two\0");
        let memory = Pieces(vec![(PAGE, page)]);
        let reader = Reader::new(&memory);
        let texts = reader.texts(&[PAGE + 4, PAGE + 4092, PAGE + 8, 0]);
        assert_eq!(texts, [Some("one".into()), Some("two".into()), None, None]);
    }

    #[test]
    fn reading_ends_at_the_bounds() {
        let memory = Pieces(vec![(0, vec![7; 8192])]);
        let reader = Reader::new(&memory);
        assert_eq!(reader.word(4090), Some(0x0707_0707_0707_0707));
        assert_eq!(reader.number(0, 9), None);
        assert_eq!(reader.word(8190), None);
        assert_eq!(reader.text(0), None);
        reader.reads.set(0);
        assert_eq!(reader.bytes(0, 8), None);
        assert!(reader.word(4090).is_some(), "it was read before");
        reader.reads.set(9);
        assert_eq!(reader.bytes(0, usize::MAX), None);
        reader.bytes.set(7);
        assert_eq!(reader.bytes(0, 8), None);
        assert_eq!(reader.bytes(0, 7), Some(vec![7; 7]));
    }
}

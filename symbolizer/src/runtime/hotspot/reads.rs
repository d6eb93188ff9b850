//! Reads of a process that may be hostile. They are bounded in number, and what was read is kept in pages.

use super::super::reader::Memory;
use super::words::Words;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// The most work for one question: the bytes that are looked at, and for each look and each entry that is kept so many more.
const MOST_WORK: u64 = 64 << 20;
const LOOK: u64 = 32;
const ENTRY: u64 = 64;
/// The most pages that are read for one question, and the most that are kept at a time.
const MOST_READS: u32 = 1 << 15;
const MOST_PAGES: usize = 1 << 11;
const PAGE: u64 = 4096;
/// The length of the longest name of a piece of code or of a field, in bytes.
const NAME: usize = 128;

type Page = Option<Box<[u8]>>;

/// The memory of a process, until the bounds are reached. After that, every read fails.
pub(super) struct Reads<'m> {
    memory: &'m dyn Memory,
    work: Cell<u64>,
    left: Cell<u32>,
    pages: RefCell<HashMap<u64, Page>>,
}

impl<'m> Reads<'m> {
    pub(super) fn new(memory: &'m dyn Memory) -> Self {
        Self {
            memory,
            work: Cell::new(MOST_WORK),
            left: Cell::new(MOST_READS),
            pages: RefCell::default(),
        }
    }

    fn spend(&self, work: u64) -> Option<()> {
        self.work.set(self.work.get().checked_sub(work)?);
        Some(())
    }

    /// Notes an entry that is kept.
    pub(super) fn keep(&self) -> Option<()> {
        self.spend(ENTRY)
    }

    /// Fills `bytes` from this address on.
    pub(super) fn fill(&self, address: u64, bytes: &mut [u8]) -> Option<()> {
        self.spend(LOOK + bytes.len() as u64)?;
        let (mut at, mut rest) = (address, bytes);
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let len = rest.len().min(PAGE as usize - offset);
            let (now, behind) = rest.split_at_mut(len);
            let mut pages = self.pages.borrow_mut();
            if pages.len() >= MOST_PAGES {
                pages.clear();
            }
            let page = pages.entry(at / PAGE).or_insert_with(|| self.page(at - at % PAGE));
            now.copy_from_slice(page.as_ref()?.get(offset..offset + len)?);
            (at, rest) = (at.checked_add(len as u64)?, behind);
        }
        Some(())
    }

    fn page(&self, start: u64) -> Page {
        self.left.set(self.left.get().checked_sub(1)?);
        let mut page = vec![0; PAGE as usize].into_boxed_slice();
        self.memory.fill(start, &mut page).then_some(page)
    }

    /// This many bytes.
    pub(super) fn bytes(&self, address: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.fill(address, &mut bytes)?;
        Some(bytes)
    }

    /// The memory as it is now.
    pub(super) fn fresh(&self) -> Fresh<'_, 'm> {
        Fresh(self)
    }

    /// Up to this many bytes, as they are now.
    pub(super) fn now(&self, address: u64, len: usize) -> Vec<u8> {
        let read = |len: usize| {
            self.spend(LOOK + len as u64)?;
            self.left.set(self.left.get().checked_sub(1)?);
            let mut bytes = vec![0; len];
            self.memory.fill(address, &mut bytes).then_some(bytes)
        };
        read(len).or_else(|| read(before_page(address, len))).unwrap_or_default()
    }

    /// Up to this many bytes: those before the first page that cannot be read.
    pub(super) fn some_bytes(&self, address: u64, len: usize) -> Vec<u8> {
        let whole = |len: &usize| self.bytes(address, *len);
        whole(&len).or_else(|| whole(&before_page(address, len))).unwrap_or_default()
    }
}

/// As many of so many bytes from this address on as its page has.
fn before_page(address: u64, len: usize) -> usize {
    len.min((PAGE - address % PAGE) as usize)
}

/// The memory as it is now. Nothing that was read before counts.
pub(super) struct Fresh<'r, 'm>(&'r Reads<'m>);

impl Words for Fresh<'_, '_> {
    fn number(&self, address: u64, size: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes.get_mut(..size)?.copy_from_slice(self.0.now(address, size).get(..size)?);
        Some(u64::from_le_bytes(bytes))
    }

    fn text(&self, address: u64) -> Option<String> {
        text(&self.0.now(address, NAME))
    }
}

impl Words for Reads<'_> {
    fn number(&self, address: u64, size: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        self.fill(address, bytes.get_mut(..size)?)?;
        Some(u64::from_le_bytes(bytes))
    }

    fn text(&self, address: u64) -> Option<String> {
        text(&self.some_bytes(address, NAME))
    }
}

/// The text up to a zero.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    String::from_utf8(bytes[..end].to_vec()).ok()
}

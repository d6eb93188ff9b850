//! Sparse memory of a process.

use super::super::super::reader::Memory;
use std::collections::BTreeMap;

/// The address of the library's ELF header.
pub(crate) const IMAGE: u64 = 0x7f00_0000_0000;

/// Sparse memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Memory for Image {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        bytes.iter_mut().zip(address..).all(|(byte, at)| {
            let page = self.pages.get(&(at >> 12));
            page.map(|page| *byte = page[(at & 0xfff) as usize]).is_some()
        })
    }
}

impl Image {
    /// Writes bytes.
    pub(crate) fn put(&mut self, address: u64, bytes: &[u8]) {
        for (byte, at) in bytes.iter().zip(address..) {
            let page = self.pages.entry(at >> 12).or_insert_with(|| vec![0; 0x1000]);
            page[(at & 0xfff) as usize] = *byte;
        }
    }

    pub(crate) fn put_word(&mut self, address: u64, word: u64) {
        self.put(address, &word.to_le_bytes());
    }

    /// Changes words, as fuzz targets do. Each change is eleven bytes: the number of a page, the place in it, and a word.
    pub(crate) fn change(&mut self, changes: &[u8]) {
        let pages: Vec<u64> = self.pages.keys().copied().collect();
        let (changes, _) = changes.as_chunks::<11>();
        for [page, low, high, word @ ..] in changes {
            let page = pages[usize::from(*page) % pages.len()] << 12;
            let place = u64::from(u16::from_le_bytes([*low, *high]) & 0xfff);
            self.put_word(page + place, u64::from_le_bytes(*word));
        }
    }

    pub(super) fn text(&mut self, address: u64, text: &str) {
        self.put(address, text.as_bytes());
        self.put(address + text.len() as u64, &[0]);
    }
}

//! A door to the reader of Java's structures, for the fuzz targets and their seeds. Nothing else uses it.

use super::heaps::{self, Names};
use super::machine::Machine;
use super::memory::{Memory, Reader};
use super::reading::Reading;
use super::symbols::{NAMES, PREFIXES, Symbols};
use elf::{Bytes, Image};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use symbolizer::runtime::hotspot::cache::Blob;

const PAGE: u64 = 4096;

/// Some pages of a process, and the places of its virtual machine's tables and data.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    symbols: Symbols,
    data: Vec<Range<u64>>,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Memory for Snapshot {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let mut done = 0;
        while done < bytes.len() {
            let Some(at) = address.checked_add(done as u64) else { return false };
            let Some(page) = self.pages.get(&(at / PAGE)) else { return false };
            let (inside, rest) = ((at % PAGE) as usize, bytes.len() - done);
            let len = rest.min(PAGE as usize - inside);
            let piece = page.get(inside..).unwrap_or_default();
            let known = piece.len().min(len);
            bytes[done..done + known].copy_from_slice(&piece[..known]);
            bytes[done + known..done + len].fill(0);
            done += len;
        }
        true
    }
}

/// A process's memory. The pages that are read are noted, up to a number of them. After that, reads fail.
#[derive(Debug)]
struct Noted<'a> {
    memory: &'a File,
    pages: RefCell<BTreeMap<u64, Vec<u8>>>,
    most: usize,
}

impl Memory for Noted<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let mut pages = self.pages.borrow_mut();
        let last = address.saturating_add((bytes.len() as u64).saturating_sub(1));
        for page in address / PAGE..=last / PAGE {
            if pages.contains_key(&page) {
                continue;
            }
            let mut content = vec![0; PAGE as usize];
            if pages.len() >= self.most
                || self.memory.read_exact_at(&mut content, page * PAGE).is_err()
            {
                return false;
            }
            let end = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            content.truncate(end);
            pages.insert(page, content);
        }
        self.memory.read_exact_at(bytes, address).is_ok()
    }
}

/// A piece of a code cache.
#[derive(Clone, Debug)]
pub struct Code {
    /// The name of its kind.
    pub name: String,
    /// The offset from which the frame is set up.
    pub complete: i64,
    /// Words of the frame.
    pub words: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The names of the tables, in the order in which a snapshot has their addresses.
fn names() -> impl Iterator<Item = String> {
    let all = PREFIXES.iter().flat_map(|prefix| NAMES.iter().map(move |name| (prefix, name)));
    all.map(|(prefix, name)| String::from_utf8_lossy(&[*prefix, *name].concat()).into_owned())
}

impl Snapshot {
    /// The number of ranges of data.
    const RANGES: usize = 2;

    /// The pages of a process that a reading of its code cache needs, at most this many. The library is loaded with this bias.
    pub fn of(library: &File, bias: u64, memory: &File, most: usize) -> Option<Self> {
        let image = Image::parse(Bytes::File(library)).ok()?;
        let symbols = Symbols::of(&image, bias)?;
        let is_data = |name: &str| matches!(name, ".data" | ".bss");
        let data = image.sections.iter().filter(|section| is_data(&section.name));
        let data = data.map(|section| section.address + bias..section.end() + bias).collect();
        let noted = Noted { memory, pages: RefCell::default(), most };
        let mut snapshot = Self { symbols, data, pages: BTreeMap::new() };
        let machine = Machine::of(&noted, &snapshot.symbols, snapshot.data.clone())?;
        Reading::default().again(&machine, &noted, true)?;
        snapshot.pages = noted.pages.into_inner();
        Some(snapshot)
    }

    /// The pieces of the code cache that the snapshot holds.
    pub fn code(&self) -> Vec<Code> {
        let read = || {
            let machine = Machine::of(self, &self.symbols, self.data.clone())?;
            let reader = Reader::new(self);
            let walk = heaps::walk(&machine.cache, &reader, &machine.cache.heaps(&reader)?);
            let code = |(_, blob): (u64, Blob)| {
                let len = usize::try_from(blob.code.end - blob.code.start).ok()?;
                let bytes = reader.bytes(blob.code.start, len)?;
                Some(Code { name: blob.name, complete: blob.complete, words: blob.words, bytes })
            };
            Some(walk.blobs.into_iter().filter_map(code).collect())
        };
        read().unwrap_or_default()
    }

    /// The snapshot as bytes: an address for each table, two ranges of data, then each page's number, length and bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let symbols = names().map(|name| self.symbols.0.get(&name).copied().unwrap_or(0));
        let ranges = (0..Self::RANGES).map(|at| self.data.get(at).cloned().unwrap_or(0..0));
        let words = symbols.chain(ranges.flat_map(|range| [range.start, range.end]));
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        for (number, page) in &self.pages {
            bytes.extend(number.to_le_bytes());
            bytes.extend((page.len() as u16).to_le_bytes());
            bytes.extend(page);
        }
        bytes
    }

    /// A snapshot from any bytes.
    pub fn from_bytes(mut bytes: &[u8]) -> Self {
        let mut word = || {
            let (word, rest) = bytes.split_first_chunk()?;
            bytes = rest;
            Some(u64::from_le_bytes(*word))
        };
        let symbols = names().filter_map(|name| Some((name, word().filter(|at| *at != 0)?)));
        let symbols = Symbols(symbols.collect());
        let data = (0..Self::RANGES).filter_map(|_| Some(word()?..word()?)).collect();
        let mut pages = BTreeMap::new();
        while let Some((head, rest)) = bytes.split_first_chunk::<10>() {
            let [number @ .., low, high] = *head;
            let len = usize::from(u16::from_le_bytes([low, high])).min(PAGE as usize);
            let (page, rest) = rest.split_at(len.min(rest.len()));
            pages.insert(u64::from_le_bytes(number), page.to_vec());
            bytes = rest;
        }
        Self { symbols, data, pages }
    }

    /// Reads the code cache twice, as a recording does, and looks at each piece again. Returns the number of pieces. `None`: the
    /// snapshot is not one of a virtual machine.
    pub fn read(&self) -> Option<usize> {
        let machine = Machine::of(self, &self.symbols, self.data.clone())?;
        let mut reading = Reading::default();
        let first = reading.again(&machine, self, true)?;
        reading.again(&machine, self, false)?;
        let reader = Reader::new(self);
        let mut names = Names::new(&reader);
        for entry in &first.index.blobs {
            let (block, end) = (entry.block, entry.code.end);
            let _ = heaps::mark(&machine.cache, &mut names, (block, end), None);
            assert!(first.index.at(entry.code.start).is_some());
        }
        Some(first.index.blobs.len())
    }
}

/// Whether a library has the places of its tables.
pub fn is_described(library: &[u8]) -> bool {
    Image::parse(Bytes::Memory(library)).is_ok_and(|image| Symbols::of(&image, 0x1000).is_some())
}

//! ELF symbol tables in one pass: the table is read once, in pieces, for all addresses that are asked for;
//! nothing is sorted and no name is read but those that are the answer.

use super::elf::{Image, SHT_NOBITS, Section, u16_at, u32_at, u64_at};

/// Bytes of the table that are in memory at a time.
const PIECE: u64 = 24 * 40_000;
/// No more bytes of a table are read.
const MAX_TABLE: u64 = 512 << 20;
/// Bound of the work on symbols that overlap, in steps.
const MAX_STEPS: u64 = 1 << 24;
/// Bound of a symbol's name, in bytes.
const MAX_NAME: u64 = 32 << 10;
/// So many names of one address are compared.
const MAX_ALIASES: usize = 8;

/// A function symbol that covers an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// First address.
    pub start: u64,
    /// Size in bytes; 0 where the table does not say.
    pub size: u64,
    /// Its name as it stands in the table.
    pub name: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    name: u32,
    start: u64,
    size: u64,
    function: bool,
    /// 0 global, 1 weak, 2 local: the better ones first.
    binding: u8,
}

/// What the pass found so far: the addresses and, for each, the best symbols.
#[derive(Debug)]
struct Pass<'a> {
    addresses: &'a [u64],
    /// The sized symbols that cover the address and start nearest to it, aliases of one another.
    covering: Vec<Vec<Entry>>,
    /// The sizeless symbols that start nearest below the address (and above the one before).
    sizeless: Vec<Vec<Entry>>,
    /// The nearest start of any symbol below the address (and above the one before).
    nearest: Vec<u64>,
    steps: u64,
}

/// The symbol of `table` (`.symtab` or `.dynsym`) for each of the sorted addresses. A symbol without a size
/// covers what lies before the next symbol of its section; the caller bounds it further.
pub fn symbols(image: &Image<'_>, table: &str, addresses: &[u64]) -> Vec<Option<Symbol>> {
    let mut found = vec![None; addresses.len()];
    let Some(section) = image.section(table).filter(|section| section.kind != SHT_NOBITS) else {
        return found;
    };
    let Some(strings) = image.sections.get(section.link as usize) else { return found };
    let mut pass = Pass::new(addresses);
    let entry = if image.wide { 24 } else { 16 };
    let mut start = 0;
    while start < section.size.min(MAX_TABLE) {
        let Some(piece) = image.part(section, start, PIECE).filter(|piece| !piece.is_empty())
        else {
            break;
        };
        for raw in piece.chunks_exact(entry) {
            if let Some(entry) = decode(raw, image.wide) {
                pass.take(entry);
            }
        }
        start += PIECE;
    }
    for (slot, entries) in found.iter_mut().zip(pass.finish(image)) {
        *slot = best_name(image, strings, &entries);
    }
    found
}

fn decode(raw: &[u8], wide: bool) -> Option<Entry> {
    let (info, shndx, start, size) = if wide {
        (*raw.get(4)?, u16_at(raw, 6)?, u64_at(raw, 8)?, u64_at(raw, 16)?)
    } else {
        (*raw.get(12)?, u16_at(raw, 14)?, u64::from(u32_at(raw, 4)?), u64::from(u32_at(raw, 8)?))
    };
    // No type, function, indirect function; defined, and not absolute.
    if !matches!(info & 15, 0 | 2 | 10) || shndx == 0 || shndx == 0xfff1 {
        return None;
    }
    let binding = match info >> 4 {
        1 => 0,
        2 => 1,
        _ => 2,
    };
    Some(Entry { name: u32_at(raw, 0)?, start, size, function: info & 15 != 0, binding })
}

impl<'a> Pass<'a> {
    fn new(addresses: &'a [u64]) -> Self {
        let none = vec![Vec::new(); addresses.len()];
        Self {
            addresses,
            covering: none.clone(),
            sizeless: none,
            nearest: vec![0; addresses.len()],
            steps: 0,
        }
    }

    fn take(&mut self, entry: Entry) {
        let first = self.addresses.partition_point(|&address| address < entry.start);
        let Some(&address) = self.addresses.get(first) else { return };
        if entry.function || entry.size == 0 {
            self.nearest[first] = self.nearest[first].max(entry.start);
        }
        if entry.size == 0 {
            prefer(&mut self.sizeless[first], entry);
            return;
        }
        let end = entry.start.saturating_add(entry.size);
        if address >= end {
            return;
        }
        let last = first + self.addresses[first..].partition_point(|&address| address < end);
        for slot in &mut self.covering[first..last] {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return;
            }
            prefer(slot, entry);
        }
    }

    /// The symbols for each address: sized ones, else sizeless ones with nothing between.
    fn finish(self, image: &Image<'_>) -> Vec<Vec<Entry>> {
        let mut nearest = 0;
        let mut below: Vec<Entry> = Vec::new();
        let mut found = Vec::with_capacity(self.addresses.len());
        for (index, covering) in self.covering.into_iter().enumerate() {
            nearest = nearest.max(self.nearest[index]);
            for entry in &self.sizeless[index] {
                prefer(&mut below, *entry);
            }
            if !covering.is_empty() {
                found.push(covering);
                continue;
            }
            let address = self.addresses[index];
            let same_section = below.first().is_some_and(|entry| {
                entry.start == nearest
                    && image.code(address).is_some_and(|code| code.address <= entry.start)
            });
            found.push(if same_section { below.clone() } else { Vec::new() });
        }
        found
    }
}

/// Keeps the innermost symbols: greatest start, then functions before labels, then the smallest size.
fn prefer(slot: &mut Vec<Entry>, entry: Entry) {
    let rank = |entry: &Entry| (entry.start, entry.function, std::cmp::Reverse(entry.size));
    match slot.first().map(|first| rank(&entry).cmp(&rank(first))) {
        None | Some(std::cmp::Ordering::Greater) => *slot = vec![entry],
        Some(std::cmp::Ordering::Equal) if slot.len() < MAX_ALIASES => slot.push(entry),
        _ => {}
    }
}

/// Of names for one function the plainest: global before weak before local, then fewer leading underscores,
/// then the shorter, then in order.
fn best_name(image: &Image<'_>, strings: &Section, entries: &[Entry]) -> Option<Symbol> {
    let named = entries.iter().filter_map(|entry| {
        let name = name(image, strings, u64::from(entry.name))?;
        let underscores = name.iter().take_while(|&&byte| byte == b'_').count();
        // A mangled name starts with one or two that mean nothing.
        let underscores =
            if name.starts_with(b"_Z") || name.starts_with(b"_R") { 0 } else { underscores };
        Some(((entry.binding, underscores, name.len(), name), entry))
    });
    let ((_, _, _, name), entry) = named.min_by(|(left, _), (right, _)| left.cmp(right))?;
    Some(Symbol { start: entry.start, size: entry.size, name })
}

fn name(image: &Image<'_>, strings: &Section, start: u64) -> Option<Vec<u8>> {
    let mut len = 256;
    loop {
        let mut bytes = image.part(strings, start, len)?;
        if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
            bytes.truncate(end);
            return (!bytes.is_empty()).then_some(bytes);
        }
        if (bytes.len() as u64) < len || len >= MAX_NAME {
            return None;
        }
        len *= 8;
    }
}

/// The name of one symbol of a table.
pub(super) fn name_of(image: &Image<'_>, table: &Section, index: u32) -> Option<Vec<u8>> {
    let entry = if image.wide { 24 } else { 16 };
    let raw = image.part(table, u64::from(index) * entry, entry)?;
    let strings = image.sections.get(table.link as usize)?;
    name(image, strings, u32_at(&raw, 0)?.into())
}

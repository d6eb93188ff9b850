//! Symbol tables, read once and in pieces.

use crate::word::{address_at, u16_at, u32_at};
use crate::{Image, Section};

/// Entries of a table that are in memory at a time.
const PIECE: u64 = 40_000;
/// Bound of a name, in bytes.
const MAX_NAME: u64 = 32 << 10;
/// Section index of a symbol that is defined elsewhere.
const UNDEFINED: u16 = 0;
/// Section index of a symbol whose value is no address.
const ABSOLUTE: u16 = 0xfff1;

/// The type of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// The table does not say: labels of assembly.
    None,
    /// A function.
    Function,
    /// A function that names another one, when it is called.
    IndirectFunction,
    /// Data, a section, a file and the like.
    Other,
}

/// The binding of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// Everybody.
    Global,
    /// Everybody, and another one's goes first.
    Weak,
    /// Its file alone, or of a kind of its own.
    Local,
}

/// An entry of a symbol table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The offset of its name in the table's strings.
    pub name: u32,
    /// Its type.
    pub kind: SymbolKind,
    /// Its binding.
    pub binding: Binding,
    /// Virtual address.
    pub address: u64,
    /// Size in bytes; 0 where the table does not say.
    pub size: u64,
    section: u16,
}

impl Symbol {
    /// Whether it is defined in its file, at an address.
    pub fn is_defined(&self) -> bool {
        self.section != UNDEFINED && self.section != ABSOLUTE
    }

    fn parse(raw: &[u8], wide: bool) -> Option<Self> {
        let (info, section, words) = if wide { (4, 6, [8, 16]) } else { (12, 14, [4, 8]) };
        let info = *raw.get(info)?;
        Some(Self {
            name: u32_at(raw, 0)?,
            kind: match info & 15 {
                0 => SymbolKind::None,
                2 => SymbolKind::Function,
                10 => SymbolKind::IndirectFunction,
                _ => SymbolKind::Other,
            },
            binding: match info >> 4 {
                1 => Binding::Global,
                2 => Binding::Weak,
                _ => Binding::Local,
            },
            address: address_at(raw, words[0], wide)?,
            size: address_at(raw, words[1], wide)?,
            section: u16_at(raw, section)?,
        })
    }
}

/// The symbols of a table, in its order, as they are read.
#[derive(Debug)]
pub struct Symbols<'a> {
    image: &'a Image<'a>,
    table: &'a Section,
    /// Offset behind the piece in memory.
    next: u64,
    end: u64,
    piece: Vec<u8>,
    at: usize,
}

impl Iterator for Symbols<'_> {
    type Item = Symbol;

    fn next(&mut self) -> Option<Symbol> {
        let (wide, entry) = (self.image.wide(), entry_size(self.image));
        if self.piece.len() - self.at < entry {
            if self.next >= self.end {
                return None;
            }
            let len = (PIECE * entry as u64).min(self.end - self.next);
            self.piece = self.image.part(self.table, self.next, len)?;
            (self.next, self.at) = (self.next + len, 0);
        }
        let raw = self.piece.get(self.at..self.at + entry)?;
        self.at += entry;
        Symbol::parse(raw, wide)
    }
}

fn entry_size(image: &Image<'_>) -> usize {
    if image.wide() { 24 } else { 16 }
}

impl Image<'_> {
    /// The symbols of a table (`.symtab`, `.dynsym`), of which no more than `bound` bytes are read.
    pub fn symbols<'a>(&'a self, table: &'a Section, bound: u64) -> Symbols<'a> {
        let end = table.size.min(bound);
        Symbols { image: self, table, next: 0, end, piece: Vec::new(), at: 0 }
    }

    /// One symbol of a table, by its index.
    pub fn symbol(&self, table: &Section, index: u32) -> Option<Symbol> {
        let entry = entry_size(self) as u64;
        Symbol::parse(&self.part(table, u64::from(index) * entry, entry)?, self.wide())
    }

    /// The name of a symbol of a table; `None` where it has none, or it is longer than 32 KiB.
    pub fn symbol_name(&self, table: &Section, symbol: &Symbol) -> Option<Vec<u8>> {
        let strings = self.sections.get(table.link as usize)?;
        let mut len = 256;
        loop {
            let mut bytes = self.part(strings, symbol.name.into(), len)?;
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
}

//! Relocations of 64-bit files.

use crate::word::{u32_at, u64_at};

/// Bytes of an entry.
const ENTRY: usize = 24;

/// An entry of a table of relocations with addends (`.rela.dyn`, `.rela.plt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Virtual address of the word that it fills.
    pub address: u64,
    /// Its type, which the machine defines.
    pub kind: u32,
    /// Index of its symbol, 0 for none.
    pub symbol: u32,
    /// The addend.
    pub addend: u64,
}

/// The relocations in the bytes of a 64-bit table.
pub fn relocations(table: &[u8]) -> impl Iterator<Item = Relocation> {
    table.chunks_exact(ENTRY).filter_map(|raw| {
        Some(Relocation {
            address: u64_at(raw, 0)?,
            kind: u32_at(raw, 8)?,
            symbol: u32_at(raw, 12)?,
            addend: u64_at(raw, 16)?,
        })
    })
}

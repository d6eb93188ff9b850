//! The header of a file: its kind, and where its tables are.

use crate::word::{address_at, u16_at};
use crate::{Bytes, Error};

/// Bytes of the longer of the two headers.
const LONGEST: usize = 64;

/// The header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether it is a 64-bit file.
    pub wide: bool,
    /// `e_type`: 2 for a program at fixed addresses, 3 for a position-independent program or a library.
    pub kind: u16,
    /// `e_machine`.
    pub machine: u16,
    /// `e_entry`: the virtual address at which a program starts; 0 for none.
    pub entry: u64,
    pub(crate) segments: Table,
    pub(crate) sections: Table,
    /// Index of the section that names the sections.
    pub(crate) names: u16,
}

/// The place of a table, as the header states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) offset: u64,
    pub(crate) entry_size: usize,
    pub(crate) count: usize,
}

impl Header {
    /// Reads the header of a little-endian file.
    ///
    /// # Errors
    /// The defect of the header.
    pub fn read(bytes: Bytes<'_>) -> Result<Self, Error> {
        let header = bytes.read(0, LONGEST).ok_or(Error::Unreadable)?;
        if header.get(..4) != Some(b"\x7fELF") {
            return Err(Error::NotElf);
        }
        let wide = match header.get(4..6) {
            Some([2, 1]) => true,
            Some([1, 1]) => false,
            _ => return Err(Error::Unsupported),
        };
        Self::fields(&header, wide).ok_or(Error::CutOff)
    }

    fn fields(header: &[u8], wide: bool) -> Option<Self> {
        let (tables, counts) = if wide { ([32, 40], 54) } else { ([28, 32], 42) };
        let half = |index: usize| u16_at(header, counts + 2 * index);
        let table = |index: usize| {
            Some(Table {
                offset: address_at(header, tables[index], wide)?,
                entry_size: usize::from(half(2 * index)?),
                count: usize::from(half(2 * index + 1)?),
            })
        };
        Some(Self {
            wide,
            kind: u16_at(header, 16)?,
            machine: u16_at(header, 18)?,
            entry: address_at(header, 24, wide)?,
            segments: table(0)?,
            sections: table(1)?,
            names: half(4)?,
        })
    }
}

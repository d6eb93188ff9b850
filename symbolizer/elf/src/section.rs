//! The section headers.

use crate::word::{address_at, c_string, u32_at};
use crate::{Bytes, Error, Header};

/// No more sections are looked at.
const MAX_SECTIONS: usize = 8192;
/// Bound of the section name table, in bytes.
const MAX_NAMES: u64 = 1 << 20;

/// `sh_type` of notes.
const SHT_NOTE: u32 = 7;
/// `sh_type` of a section without bytes in the file.
pub const SHT_NOBITS: u32 = 8;
/// `sh_flags` of code.
const SHF_EXECINSTR: u64 = 4;
/// `sh_flags` of a compressed section.
pub const SHF_COMPRESSED: u64 = 1 << 11;

/// A section header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// Virtual address, 0 where it is not loaded.
    pub address: u64,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
}

impl Section {
    /// One past its last virtual address.
    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }

    /// Whether it holds code.
    pub fn is_code(&self) -> bool {
        self.flags & SHF_EXECINSTR != 0 && self.address != 0
    }

    pub(crate) fn is_note(&self) -> bool {
        self.kind == SHT_NOTE
    }

    pub(crate) fn holds(&self, address: u64) -> bool {
        self.address <= address && address < self.end()
    }
}

/// A section whose name was not read yet: only where it begins in the table of names.
#[derive(Debug)]
struct Raw {
    name: usize,
    section: Section,
}

impl Header {
    /// The sections with their names, in file order; empty if the file has no section table.
    ///
    /// # Errors
    /// The defect of the section table.
    pub fn sections(&self, bytes: Bytes<'_>) -> Result<Vec<Section>, Error> {
        let mut all = self.raw_sections(bytes)?;
        if let Some(Raw { section, .. }) = all.get(usize::from(self.names)) {
            let names = bytes
                .read(section.offset, section.size.min(MAX_NAMES) as usize)
                .ok_or(Error::SectionNames)?;
            for Raw { name, section } in &mut all {
                section.name = String::from_utf8_lossy(c_string(&names, *name)).into_owned();
            }
        }
        Ok(all.into_iter().map(|raw| raw.section).collect())
    }

    /// The sections without their names.
    pub(crate) fn nameless_sections(&self, bytes: Bytes<'_>) -> Result<Vec<Section>, Error> {
        Ok(self.raw_sections(bytes)?.into_iter().map(|raw| raw.section).collect())
    }

    fn raw_sections(&self, bytes: Bytes<'_>) -> Result<Vec<Raw>, Error> {
        let (table, wide) = (self.sections, self.wide);
        if table.offset == 0 || table.count == 0 {
            return Ok(Vec::new());
        }
        if table.entry_size != if wide { 64 } else { 40 } || table.offset > bytes.len() {
            return Err(Error::SectionTable);
        }
        let raw = bytes
            .read(table.offset, table.entry_size * table.count.min(MAX_SECTIONS))
            .ok_or(Error::SectionTableUnreadable)?;
        Ok(raw.chunks_exact(table.entry_size).filter_map(|raw| parse(raw, wide)).collect())
    }
}

fn parse(raw: &[u8], wide: bool) -> Option<Raw> {
    let width = if wide { 8 } else { 4 };
    let word = |index: usize| address_at(raw, 8 + index * width, wide);
    let link = 8 + 4 * width;
    let section = Section {
        name: String::new(),
        kind: u32_at(raw, 4)?,
        flags: word(0)?,
        address: word(1)?,
        offset: word(2)?,
        size: word(3)?,
        link: u32_at(raw, link)?,
        info: u32_at(raw, link + 4)?,
    };
    Some(Raw { name: u32_at(raw, 0)? as usize, section })
}

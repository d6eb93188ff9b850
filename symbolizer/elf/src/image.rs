//! A whole file: its header, its sections, and the bytes of these.

use crate::{Bytes, Error, Header, SHF_COMPRESSED, SHT_NOBITS, Section, Segment, note};

/// Files beyond this size are refused.
pub const MAX_FILE: u64 = 4 << 30;

/// An ELF file: its sections and where their bytes are.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    bytes: Bytes<'a>,
    size: u64,
    header: Header,
    /// Its sections, in file order.
    pub sections: Vec<Section>,
}

impl<'a> Image<'a> {
    /// Reads the header and the section headers of a little-endian file of at most 4 GiB.
    ///
    /// # Errors
    /// The defect of the file.
    pub fn parse(bytes: Bytes<'a>) -> Result<Self, Error> {
        let size = bytes.len();
        if size > MAX_FILE {
            return Err(Error::TooLarge);
        }
        let header = Header::read(bytes)?;
        Ok(Self { bytes, size, header, sections: header.sections(bytes)? })
    }

    /// Whether it is a 64-bit file.
    pub fn wide(&self) -> bool {
        self.header.wide
    }

    /// `e_machine`.
    pub fn machine(&self) -> u16 {
        self.header.machine
    }

    /// `e_type`.
    pub fn kind(&self) -> u16 {
        self.header.kind
    }

    /// `e_entry`: the virtual address at which a program starts; 0 for none.
    pub fn entry(&self) -> u64 {
        self.header.entry
    }

    /// The segments, in file order.
    ///
    /// # Errors
    /// When the header's description of them cannot be right, or they are cut off.
    pub fn segments(&self) -> Result<Vec<Segment>, Error> {
        self.header.segments(self.bytes)
    }

    /// The first section of that name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Whether a section of that name has bytes in the file.
    pub fn has(&self, name: &str) -> bool {
        self.section(name).is_some_and(|section| section.kind != SHT_NOBITS && section.size > 0)
    }

    /// The bytes of a section that is not compressed; `None` if it has none, reaches beyond the file, or is
    /// larger than `bound` bytes.
    pub fn data(&self, section: &Section, bound: u64) -> Option<Vec<u8>> {
        if section.size > bound || section.flags & SHF_COMPRESSED != 0 {
            return None;
        }
        let bytes = self.part(section, 0, section.size)?;
        (bytes.len() as u64 == section.size).then_some(bytes)
    }

    /// Up to `len` bytes of a section from `start`; fewer at its end.
    pub fn part(&self, section: &Section, start: u64, len: u64) -> Option<Vec<u8>> {
        let end = section.offset.checked_add(section.size)?;
        if section.kind == SHT_NOBITS || end > self.size || start > section.size {
            return None;
        }
        let len = usize::try_from(len.min(section.size - start)).ok()?;
        self.bytes.read(section.offset + start, len)
    }

    /// The code section that holds a virtual address.
    pub fn code(&self, address: u64) -> Option<&Section> {
        self.sections.iter().find(|section| section.is_code() && section.holds(address))
    }

    /// Up to `len` bytes of memory as the file fills it, from a virtual address.
    pub fn memory(&self, address: u64, len: u64) -> Option<Vec<u8>> {
        let section =
            self.sections.iter().find(|section| section.address != 0 && section.holds(address))?;
        self.part(section, address - section.address, len)
    }

    /// The build ID by the notes of the sections, which debug files have too; where these have none, by those of the
    /// segments.
    pub fn build_id(&self) -> Option<Vec<u8>> {
        let notes = self.sections.iter().filter(|section| section.is_note());
        let found = notes.map(|notes| (notes.offset, notes.size)).find_map(note::at(self.bytes));
        found.or_else(|| {
            let segments = self.segments().ok()?;
            let notes = segments.iter().filter(|segment| segment.is_note());
            notes.map(|notes| (notes.offset, notes.file_size)).find_map(note::at(self.bytes))
        })
    }

    /// The bytes that the image was made from.
    pub fn bytes(&self) -> Bytes<'a> {
        self.bytes
    }
}

//! The little of ELF that names need: sections, read one by one through the open file, never mapped, so
//! that a file that shrinks meanwhile is an error and not a signal.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Files beyond this size are refused.
pub const MAX_FILE: u64 = 4 << 30;
/// No more sections are looked at.
const MAX_SECTIONS: usize = 8192;
/// Bound of the section name table, in bytes.
const MAX_NAMES: u64 = 1 << 20;

/// `sh_type` of a section without bytes in the file.
pub const SHT_NOBITS: u32 = 8;
/// `sh_flags` of code.
pub const SHF_EXECINSTR: u64 = 4;
/// `sh_flags` of a compressed section.
pub const SHF_COMPRESSED: u64 = 1 << 11;

/// Where bytes come from.
#[derive(Clone, Copy, Debug)]
pub enum Bytes<'a> {
    /// An open file.
    File(&'a File),
    /// Memory.
    Memory(&'a [u8]),
}

impl Bytes<'_> {
    /// All bytes there are from `offset`, at most `len`; fewer at the end.
    pub fn read(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        match self {
            Self::File(file) => read_file(file, offset, len),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).ok().filter(|&start| start <= bytes.len())?;
                Some(bytes[start..bytes.len().min(start.saturating_add(len))].to_vec())
            }
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.metadata().map_or(0, |meta| meta.len()),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn read_file(file: &File, offset: u64, len: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut bytes[filled..], offset.checked_add(filled as u64)?) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(filled);
    Some(bytes)
}

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

    fn holds(&self, address: u64) -> bool {
        self.address <= address && address < self.end()
    }
}

/// An ELF file: its sections and where their bytes are.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    bytes: Bytes<'a>,
    size: u64,
    /// Whether it is a 64-bit file.
    pub wide: bool,
    /// `e_machine`.
    pub machine: u16,
    /// Its sections, in file order.
    pub sections: Vec<Section>,
}

impl<'a> Image<'a> {
    /// Reads the section headers of a little-endian ELF file; the error says what is wrong with it.
    pub fn parse(bytes: Bytes<'a>) -> Result<Self, &'static str> {
        let size = bytes.len();
        if size > MAX_FILE {
            return Err("the file is over 4 GiB");
        }
        let header = bytes.read(0, 64).ok_or("the file is not readable")?;
        if header.get(..4) != Some(b"\x7fELF") {
            return Err("it is not an ELF file");
        }
        let wide = match header.get(4..6) {
            Some([2, 1]) => true,
            Some([1, 1]) => false,
            _ => return Err("ELF class or byte order is not supported"),
        };
        let machine = u16_at(&header, 18).ok_or("the ELF header is cut off")?;
        let sections = sections(bytes, size, &header, wide)?;
        Ok(Self { bytes, size, wide, machine, sections })
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

    /// The build ID from the file's notes.
    pub fn build_id(&self) -> Option<Vec<u8>> {
        let section = self.section(".note.gnu.build-id")?;
        let note = self.data(section, 4096)?;
        let (name, len) = (u32_at(&note, 0)? as usize, u32_at(&note, 4)? as usize);
        let start = 12usize.checked_add(name.checked_next_multiple_of(4)?)?;
        let id = note.get(start..start.checked_add(len)?)?;
        (u32_at(&note, 8)? == 3 && !id.is_empty() && id.len() <= 64).then(|| id.to_vec())
    }

    /// The bytes that the image was made from.
    pub fn bytes(&self) -> Bytes<'a> {
        self.bytes
    }
}

fn sections(
    bytes: Bytes<'_>,
    size: u64,
    header: &[u8],
    wide: bool,
) -> Result<Vec<Section>, &'static str> {
    let cut = "the ELF header is cut off";
    let (table, entry, count, names) = if wide {
        (u64_at(header, 40), u16_at(header, 58), u16_at(header, 60), u16_at(header, 62))
    } else {
        (
            u32_at(header, 32).map(u64::from),
            u16_at(header, 46),
            u16_at(header, 48),
            u16_at(header, 50),
        )
    };
    let (table, entry) = (table.ok_or(cut)?, usize::from(entry.ok_or(cut)?));
    let (count, names) = (usize::from(count.ok_or(cut)?), usize::from(names.ok_or(cut)?));
    if table == 0 || count == 0 {
        return Ok(Vec::new());
    }
    if entry != if wide { 64 } else { 40 } || table > size {
        return Err("the section table is malformed");
    }
    let raw = bytes
        .read(table, entry * count.min(MAX_SECTIONS))
        .ok_or("the section table is not readable")?;
    let mut sections: Vec<(u32, Section)> =
        raw.chunks_exact(entry).filter_map(|raw| section(raw, wide)).collect();
    if let Some((_, strings)) = sections.get(names) {
        let strings = bytes
            .read(strings.offset, strings.size.min(MAX_NAMES) as usize)
            .ok_or("the section names are not readable")?;
        for (name, section) in &mut sections {
            section.name = String::from_utf8_lossy(c_string(&strings, *name as usize)).into_owned();
        }
    }
    Ok(sections.into_iter().map(|(_, section)| section).collect())
}

fn section(raw: &[u8], wide: bool) -> Option<(u32, Section)> {
    let name = u32_at(raw, 0)?;
    let kind = u32_at(raw, 4)?;
    let word = |index: usize| {
        if wide { u64_at(raw, 8 + index * 8) } else { u32_at(raw, 8 + index * 4).map(u64::from) }
    };
    let link = if wide { 40 } else { 24 };
    let section = Section {
        name: String::new(),
        kind,
        flags: word(0)?,
        address: word(1)?,
        offset: word(2)?,
        size: word(3)?,
        link: u32_at(raw, link)?,
        info: u32_at(raw, link + 4)?,
    };
    Some((name, section))
}

/// The bytes from `start` to the next zero byte or the end.
pub(super) fn c_string(bytes: &[u8], start: usize) -> &[u8] {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.split(|&byte| byte == 0).next().unwrap_or_default()
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

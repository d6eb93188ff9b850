//! The debug sections of a file, copied into a small ELF file. The copy leaves out sections that names do not need (they would also be
//! decompressed) and references to other files. It is in memory that no other process can change.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use elf::{Image, SHT_NOBITS, Section};

/// The sections from which functions, inlined functions and lines are read.
const SECTIONS: [&str; 11] = [
    ".debug_abbrev",
    ".debug_addr",
    ".debug_aranges",
    ".debug_info",
    ".debug_line",
    ".debug_line_str",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_str",
    ".debug_str_offsets",
    ".debug_types",
];
/// A symbol without a size. blazesym looks for a place in the source only where there is a symbol.
const SYMBOLS: [&[u8]; 2] = [&[0; 24], b"\x01\0\0\0\x12\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"];
const STRINGS: &[u8] = b"\0-\0";
/// The bytes that are copied at a time.
const PIECE: u64 = 1 << 20;

/// Whether a section is copied.
pub(crate) fn is_needed(section: &Section) -> bool {
    section.kind != SHT_NOBITS && SECTIONS.contains(&section.name.as_str())
}

/// Writes a 64-bit file with the debug sections of a 64-bit `image`.
pub(crate) fn extract(image: &Image<'_>, out: &File) -> io::Result<()> {
    let mut writer = Writer { out, end: 64, names: vec![0], headers: vec![0; 64] };
    for section in image.sections.iter().filter(|section| is_needed(section)) {
        let start = writer.end;
        let mut copied = 0;
        while copied < section.size {
            let piece = image.part(section, copied, PIECE).filter(|piece| !piece.is_empty());
            let piece = piece.ok_or(io::ErrorKind::UnexpectedEof)?;
            copied += piece.len() as u64;
            writer.write(&piece)?;
        }
        writer.header(section, start, [0; 3]);
    }
    let named = |name: &str, kind| Section { name: name.to_owned(), kind, ..Section::default() };
    let index = (writer.headers.len() / 64) as u32;
    let start = writer.end;
    writer.write(&SYMBOLS.concat())?;
    writer.header(&named(".symtab", 2), start, [index + 1, 1, 24]);
    let start = writer.end;
    writer.write(STRINGS)?;
    writer.header(&named(".strtab", 3), start, [0; 3]);
    writer.finish(image.machine())
}

struct Writer<'a> {
    out: &'a File,
    end: u64,
    names: Vec<u8>,
    headers: Vec<u8>,
}

impl Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// The header of the bytes written from `start` on. `rest` is link, info and entry size.
    fn header(&mut self, section: &Section, start: u64, rest: [u32; 3]) {
        let name = self.names.len() as u32;
        self.names.extend_from_slice(section.name.as_bytes());
        self.names.push(0);
        for word in [name, section.kind] {
            self.headers.extend_from_slice(&word.to_le_bytes());
        }
        for word in [section.flags, 0, start, self.end - start] {
            self.headers.extend_from_slice(&word.to_le_bytes());
        }
        for word in &rest[..2] {
            self.headers.extend_from_slice(&word.to_le_bytes());
        }
        for word in [8, u64::from(rest[2])] {
            self.headers.extend_from_slice(&word.to_le_bytes());
        }
        // The next section starts at a multiple of 8.
        self.end = self.end.next_multiple_of(8);
    }

    fn finish(mut self, machine: u16) -> io::Result<()> {
        let start = self.end;
        let names = Section { name: ".shstrtab".to_owned(), kind: 3, ..Section::default() };
        // The table of names also contains its own name.
        let bytes = [&self.names[..], names.name.as_bytes(), b"\0"].concat();
        self.write(&bytes)?;
        self.header(&names, start, [0; 3]);
        let (table, headers) = (self.end, std::mem::take(&mut self.headers));
        self.write(&headers)?;
        let count = (headers.len() / 64) as u16;
        let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let mut halves =
            |words: &[u16]| header.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        halves(&[3, machine, 1, 0]);
        // There are no entry and no program headers.
        halves(&[0; 8]);
        header.extend_from_slice(&table.to_le_bytes());
        header.extend(
            [0u16, 0, 64, 56, 0, 64, count, count - 1].iter().flat_map(|w| w.to_le_bytes()),
        );
        self.out.write_all_at(&header, 0)
    }
}

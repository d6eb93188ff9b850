//! What the process table reads of an ELF file: its loaded segments and its build ID.
//!
//! Three fixed structures at known offsets, read with bounds that a hostile header cannot move; symbols
//! and debug information are left to the crates that know them.

use crate::place::Segment;

/// What an ELF file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Elf {
    /// Loaded segments, in file order.
    pub(crate) loads: Vec<Segment>,
    /// Those that are executable.
    pub(crate) executable: Vec<Segment>,
    /// The GNU build ID.
    pub(crate) build_id: Option<Vec<u8>>,
}

/// Why there is no [`Elf`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Not an ELF file at all.
    NotElf,
    /// An ELF file whose headers are malformed, or of another byte order.
    Malformed,
}

/// Reads up to the buffer's length at a file offset; the number of bytes that were there.
pub(crate) type ReadAt<'a> = dyn Fn(u64, &mut [u8]) -> usize + 'a;

const MOST_HEADERS: u64 = 4096;
const MOST_LOADS: usize = 64;
const MOST_NOTES: usize = 64 << 10;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const SHT_NOTE: u32 = 7;
const PF_X: u32 = 1;

/// Reads the headers of a file.
pub(crate) fn read(at: &ReadAt<'_>) -> Result<Elf, Problem> {
    let mut ident = [0; 64];
    let got = at(0, &mut ident);
    if got < 4 || ident[..4] != *b"\x7fELF" {
        return Err(Problem::NotElf);
    }
    let layout = match ident[4] {
        1 => &BITS32,
        2 => &BITS64,
        _ => return Err(Problem::Malformed),
    };
    if ident[5] != 1 || got < layout.header {
        return Err(Problem::Malformed);
    }
    let segments = table(at, layout, &ident, &layout.program_table).ok_or(Problem::Malformed)?;
    let mut elf = Elf::default();
    let mut notes = Vec::new();
    for header in segments.chunks_exact(layout.program.size) {
        let segment = &layout.program;
        match u32_at(header, 0) {
            PT_LOAD if elf.loads.len() < MOST_LOADS => elf.load(layout, header),
            PT_NOTE => notes.push((
                layout.word(header, segment.offset),
                layout.word(header, segment.file_size),
            )),
            _ => {}
        }
    }
    if elf.loads.is_empty() {
        return Err(Problem::Malformed);
    }
    elf.build_id = notes.into_iter().find_map(|(offset, size)| build_id(at, offset, size));
    if elf.build_id.is_none() {
        elf.build_id = build_id_of_sections(at, layout, &ident);
    }
    Ok(elf)
}

impl Elf {
    fn load(&mut self, layout: &Layout, header: &[u8]) {
        let program = &layout.program;
        let segment = Segment {
            start: layout.word(header, program.address),
            len: layout.word(header, program.memory_size),
            offset: layout.word(header, program.offset),
        };
        if u32_at(header, program.flags) & PF_X != 0 {
            self.executable.push(segment);
        }
        self.loads.push(segment);
    }
}

/// The virtual address of a file offset. The kernel maps whole pages: the first page of a segment may begin
/// before it.
pub(crate) fn address(segments: &[Segment], offset: u64) -> Option<u64> {
    segments.iter().find_map(|segment| {
        let first = segment.offset & !0xfff;
        let end = segment.offset.checked_add(segment.len)?.checked_add(0xfff)? & !0xfff;
        (first..end)
            .contains(&offset)
            .then(|| segment.start.wrapping_add(offset.wrapping_sub(segment.offset)))
    })
}

fn build_id_of_sections(at: &ReadAt<'_>, layout: &Layout, ident: &[u8]) -> Option<Vec<u8>> {
    let sections = table(at, layout, ident, &layout.section_table)?;
    sections
        .chunks_exact(layout.section.size)
        .filter(|header| u32_at(header, 4) == SHT_NOTE)
        .find_map(|header| {
            build_id(
                at,
                layout.word(header, layout.section.offset),
                layout.word(header, layout.section.file_size),
            )
        })
}

/// The GNU build ID among the notes at `offset`.
fn build_id(at: &ReadAt<'_>, offset: u64, size: u64) -> Option<Vec<u8>> {
    let size = usize::try_from(size).ok()?.min(MOST_NOTES);
    let mut notes = vec![0; size];
    let got = at(offset, &mut notes);
    let mut rest = &notes[..got];
    while rest.len() >= 12 {
        let name_len = u32_at(rest, 0) as usize;
        let len = u32_at(rest, 4) as usize;
        let kind = u32_at(rest, 8);
        let name_end = 12usize.checked_add(name_len)?;
        let start = name_end.checked_next_multiple_of(4)?;
        let end = start.checked_add(len)?;
        if kind == 3 && rest.get(12..name_end)? == b"GNU\0" && (1..=64).contains(&len) {
            return rest.get(start..end).map(<[u8]>::to_vec);
        }
        rest = rest.get(end.checked_next_multiple_of(4)?..)?;
    }
    None
}

/// The bytes of a header table, as many as there are.
fn table(at: &ReadAt<'_>, layout: &Layout, ident: &[u8], place: &TablePlace) -> Option<Vec<u8>> {
    let count = u64::from(u16_at(ident, place.count));
    if usize::from(u16_at(ident, place.entry_size)) != place.size || count > MOST_HEADERS {
        return None;
    }
    let mut bytes = vec![0; count as usize * place.size];
    let got = at(layout.word(ident, place.offset), &mut bytes);
    (got == bytes.len()).then_some(bytes)
}

/// Where the fields of one ELF class lie.
struct Layout {
    wide: bool,
    header: usize,
    program_table: TablePlace,
    section_table: TablePlace,
    program: Entry,
    section: Entry,
}

struct TablePlace {
    offset: usize,
    entry_size: usize,
    count: usize,
    size: usize,
}

struct Entry {
    size: usize,
    flags: usize,
    offset: usize,
    address: usize,
    file_size: usize,
    memory_size: usize,
}

const BITS64: Layout = Layout {
    wide: true,
    header: 64,
    program_table: TablePlace { offset: 32, entry_size: 54, count: 56, size: 56 },
    section_table: TablePlace { offset: 40, entry_size: 58, count: 60, size: 64 },
    program: Entry { size: 56, flags: 4, offset: 8, address: 16, file_size: 32, memory_size: 40 },
    section: Entry { size: 64, flags: 8, offset: 24, address: 16, file_size: 32, memory_size: 32 },
};

const BITS32: Layout = Layout {
    wide: false,
    header: 52,
    program_table: TablePlace { offset: 28, entry_size: 42, count: 44, size: 32 },
    section_table: TablePlace { offset: 32, entry_size: 46, count: 48, size: 40 },
    program: Entry { size: 32, flags: 24, offset: 4, address: 8, file_size: 16, memory_size: 20 },
    section: Entry { size: 40, flags: 8, offset: 16, address: 12, file_size: 20, memory_size: 20 },
};

impl Layout {
    /// A word of the class's size; 0 beyond the end.
    fn word(&self, bytes: &[u8], at: usize) -> u64 {
        if self.wide {
            bytes
                .get(at..at + 8)
                .and_then(|word| word.try_into().ok())
                .map_or(0, u64::from_le_bytes)
        } else {
            u32_at(bytes, at).into()
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|word| word.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    fn own() -> Vec<u8> {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let mut bytes = vec![0; 16 << 10];
        let got = file.read_at(&mut bytes, 0).unwrap();
        bytes.truncate(got);
        bytes
    }

    fn of(bytes: &[u8]) -> Result<Elf, Problem> {
        read(&|offset, buffer| {
            let rest =
                usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or(&[]);
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            len
        })
    }

    #[test]
    fn reads_this_test_binary() {
        let elf = of(&own()).unwrap();
        assert_eq!(elf.executable.len(), 1);
        assert!(elf.loads.len() > 2);
        assert_eq!(elf.build_id.as_ref().map(Vec::len), Some(20));
        let segment = elf.executable[0];
        assert_eq!(address(&elf.executable, segment.offset + 8), Some(segment.start + 8));
    }

    #[test]
    fn a_file_offset_outside_all_segments_has_no_address() {
        let segments = [Segment { start: 0x401000, len: 0x10, offset: 0x1000 }];
        assert_eq!(address(&segments, 0x1008), Some(0x401008));
        assert_eq!(address(&segments, 0x2000), None);
        assert_eq!(address(&segments, 0xfff), None);
        let odd = [Segment { start: 0x401040, len: 0x10, offset: 0x1040 }];
        assert_eq!(address(&odd, 0x1000), Some(0x401000));
        let hostile = [Segment { start: u64::MAX, len: u64::MAX, offset: u64::MAX }];
        assert_eq!(address(&hostile, u64::MAX), None);
    }

    #[test]
    fn says_what_is_not_elf() {
        assert_eq!(of(b"#!/bin/sh\n"), Err(Problem::NotElf));
        assert_eq!(of(b""), Err(Problem::NotElf));
        assert_eq!(of(b"\x7fELF"), Err(Problem::Malformed));
        assert_eq!(
            of(&[b"\x7fELF\x02\x01".as_slice(), &[0; 58]].concat()),
            Err(Problem::Malformed)
        );
    }

    #[test]
    fn any_truncated_or_flipped_header_gives_an_answer() {
        let whole = own();
        for end in (0..2048).chain((2048..whole.len()).step_by(97)) {
            let _ = of(&whole[..end]);
        }
        for at in 0..4096 {
            for flip in [0xff, 0x80, 0x01] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                if let Ok(elf) = of(&bytes) {
                    for offset in [0, 0x1000, u64::MAX] {
                        let _ = address(&elf.loads, offset);
                    }
                }
            }
        }
    }
}

//! The parts of an ELF file that the process table reads: its loaded segments and its build ID.

use crate::place::Segment;
use elf::{Bytes, Error, Header};

/// The loaded segments and the build ID of an ELF file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// Loaded segments, in file order.
    pub(crate) segments: Vec<Segment>,
    /// The executable ones among them.
    pub(crate) executable: Vec<Segment>,
    /// The GNU build ID.
    pub(crate) build_id: Option<Vec<u8>>,
}

/// The reason why there is no [`Loaded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Not an ELF file at all.
    NotElf,
    /// An ELF file whose headers are malformed, or of another byte order.
    Malformed,
}

/// The most loaded segments of a file that are read.
const MOST: usize = 64;

impl Loaded {
    /// Reads the headers of a file, and its notes.
    pub(crate) fn read(bytes: Bytes<'_>) -> Result<Self, Problem> {
        let header = Header::read(bytes)?;
        let all = header.segments(bytes)?;
        let loaded = || all.iter().filter(|segment| segment.is_loaded()).take(MOST);
        let segments: Vec<Segment> = loaded().map(segment).collect();
        if segments.is_empty() {
            return Err(Problem::Malformed);
        }
        Ok(Self {
            segments,
            executable: loaded().filter(|segment| segment.is_code()).map(segment).collect(),
            build_id: header.build_id(bytes, &all),
        })
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotElf | Error::Unreadable => Self::NotElf,
            _ => Self::Malformed,
        }
    }
}

fn segment(segment: &elf::Segment) -> Segment {
    Segment { start: segment.address, len: segment.memory_size, offset: segment.offset }
}

/// The virtual address of a file offset. The kernel maps whole pages, so the first page of a segment may begin before
/// the segment.
pub(crate) fn address(segments: &[Segment], offset: u64) -> Option<u64> {
    segments.iter().find_map(|segment| {
        let first = segment.offset & !0xfff;
        let end = segment.offset.checked_add(segment.len)?.checked_add(0xfff)? & !0xfff;
        (first..end)
            .contains(&offset)
            .then(|| segment.start.wrapping_add(offset.wrapping_sub(segment.offset)))
    })
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

    fn of(bytes: &[u8]) -> Result<Loaded, Problem> {
        Loaded::read(Bytes::Memory(bytes))
    }

    #[test]
    fn reads_this_test_binary() {
        let loaded = of(&own()).unwrap();
        assert_eq!(loaded.executable.len(), 1);
        assert!(loaded.segments.len() > 2);
        assert_eq!(loaded.build_id.as_ref().map(Vec::len), Some(20));
        let segment = loaded.executable[0];
        assert_eq!(address(&loaded.executable, segment.offset + 8), Some(segment.start + 8));
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
                if let Ok(loaded) = of(&bytes) {
                    for offset in [0, 0x1000, u64::MAX] {
                        let _ = address(&loaded.segments, offset);
                    }
                }
            }
        }
    }
}

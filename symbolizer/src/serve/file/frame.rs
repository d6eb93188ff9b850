//! The sections of a file with the starts of its functions, and the bounds of code between functions.

use super::ranges::{Loaded, Range, Ranges};
use crate::MappedFile;
use elf::Image;

/// The largest section that the ranges of functions are read from, in bytes.
const MAX_FRAME: u64 = 256 << 20;

/// The sections with the starts of functions.
#[derive(Debug, Default)]
pub(super) struct Frame {
    frame: (u64, Vec<u8>),
    header: Option<(u64, Vec<u8>)>,
    text: u64,
    wide: bool,
}

impl Frame {
    pub(super) fn read(image: &Image<'_>) -> Self {
        let read = |name| {
            let section = image.section(name)?;
            Some((section.address, image.data(section, MAX_FRAME)?))
        };
        Self {
            frame: read(".eh_frame").unwrap_or_default(),
            header: read(".eh_frame_hdr"),
            text: image.section(".text").map_or(0, |text| text.address),
            wide: image.wide(),
        }
    }

    pub(super) fn ranges(&self) -> Ranges<'_> {
        let frame = Loaded { address: self.frame.0, bytes: &self.frame.1 };
        let header =
            self.header.as_ref().map(|(address, bytes)| Loaded { address: *address, bytes });
        Ranges::new(frame, header, self.text, self.wide)
    }
}

/// Limits a range between entries to its section, or to its segment if there are no sections.
pub(super) fn bounded(range: Range, image: &Image<'_>, file: &MappedFile, address: u64) -> Range {
    if range.described {
        return range;
    }
    let (start, end) = match image.code(address) {
        Some(section) => (section.address, section.end()),
        None => file
            .segments
            .iter()
            .find(|segment| address.wrapping_sub(segment.start) < segment.len)
            .map_or((0, u64::MAX), |segment| {
                (segment.start, segment.start.saturating_add(segment.len))
            }),
    };
    Range { start: range.start.max(start), end: range.end.min(end), described: false }
}

//! Separate debug files, by build ID and by debug link: first below the process's root, then below bpflame's own.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};

use flate2::Crc;

use elf::word::{c_string, u32_at};
use elf::{Bytes, Image};

use crate::MappedFile;
use crate::name::ask::files::LINK_PLACES;
use crate::name::ask::{Files, Want};

/// The largest file whose checksum is computed, in bytes.
const MAX_CHECKED: u64 = 1 << 30;
/// The limit for the size of a decompressed symbol table, and for the memory of its decoder.
const MAX_MINI: u64 = 128 << 20;

/// A debug file that fits.
#[derive(Debug)]
pub(crate) struct DebugFile {
    /// The open file.
    pub file: File,
    /// Whether it is in a directory of this machine, not of a container.
    pub ours: bool,
}

/// The debug file that was found, and the defect of a refused one.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The first file that fits.
    pub found: Option<DebugFile>,
    /// The defect of a refused file.
    pub refused: Option<&'static str>,
}

/// Looks for the debug file of `file`, whose parsed form is `image`.
///
/// # Errors
/// A server failed.
pub(crate) fn find(
    file: &MappedFile,
    image: &Image<'_>,
    files: &mut dyn Files,
) -> Result<Search, &'static str> {
    let mut search = Search::default();
    for foreign in [true, false] {
        let candidate = files.open(&Want::BuildId { foreign })?;
        if search.take(candidate, !foreign, |other| fits(image, file, other)) {
            return Ok(search);
        }
    }
    if let Some((name, checksum)) = debug_link(image) {
        for (foreign, place) in
            [true, false].into_iter().flat_map(|f| (0..LINK_PLACES).map(move |p| (f, p)))
        {
            let Some(candidate) = files.open(&Want::Link { foreign, place, name: name.clone() })?
            else {
                continue;
            };
            if crc(&candidate) != Some(checksum) {
                search.refused = Some("the debug file has a different checksum");
            } else if search.take(Some(candidate), !foreign, |other| fits(image, file, other)) {
                return Ok(search);
            }
        }
    }
    // A file from a server is trusted no more than a file of a container.
    if let Some(candidate) = files.open(&Want::Server)? {
        search.take(Some(candidate), false, |other| match other.build_id() {
            None => Err("the debug file has no build ID"),
            Some(_) => fits(image, file, other),
        });
    }
    Ok(search)
}

impl Search {
    fn take(
        &mut self,
        candidate: Option<File>,
        ours: bool,
        fits: impl Fn(&Image<'_>) -> Result<(), &'static str>,
    ) -> bool {
        let Some(file) = candidate else { return false };
        let checked = Image::parse(Bytes::File(&file))
            .map_err(|_| "the debug file is malformed")
            .and_then(|other| fits(&other));
        match checked {
            Ok(()) => self.found = Some(DebugFile { file, ours }),
            Err(what) => self.refused = Some(what),
        }
        self.found.is_some()
    }
}

/// Whether a debug file belongs to this file: it has the same build ID if both have one, and the same code sections.
fn fits(image: &Image<'_>, file: &MappedFile, other: &Image<'_>) -> Result<(), &'static str> {
    if let (Some(id), Some(other)) = (&file.build_id, other.build_id())
        && *id != other
    {
        return Err("the debug file has a different build ID");
    }
    same_code(image, other)
}

/// Whether the code sections with the same names are at the same addresses.
pub(crate) fn same_code(image: &Image<'_>, other: &Image<'_>) -> Result<(), &'static str> {
    let differs = image.sections.iter().filter(|section| section.is_code()).any(|section| {
        other
            .section(&section.name)
            .is_some_and(|other| (other.address, other.size) != (section.address, section.size))
    });
    if differs { Err("the debug file has different code sections") } else { Ok(()) }
}

/// The name and the checksum in `.gnu_debuglink`.
fn debug_link(image: &Image<'_>) -> Option<(Vec<u8>, u32)> {
    let data = image.data(image.section(".gnu_debuglink")?, 4096)?;
    let name = c_string(&data, 0).to_vec();
    let checksum = u32_at(&data, (name.len() + 1).next_multiple_of(4))?;
    let plain = !name.is_empty() && !name.contains(&b'/') && name != b".." && name != b".";
    plain.then_some((name, checksum))
}

fn crc(file: &File) -> Option<u32> {
    let meta = file.metadata().ok()?;
    // A file of holes costs its maker nothing, and its reader much.
    let holes = meta.len() > 2 * meta.blocks().saturating_mul(512) + (1 << 20);
    if meta.len() > MAX_CHECKED || holes {
        return None;
    }
    let (mut crc, mut buffer, mut offset) = (Crc::new(), vec![0; 256 << 10], 0);
    while offset <= MAX_CHECKED {
        let count = file.read_at(&mut buffer, offset).ok()?;
        if count == 0 {
            return Some(crc.sum());
        }
        crc.update(&buffer[..count]);
        offset += count as u64;
    }
    None
}

/// The ELF file inside `.gnu_debugdata`: a symbol table, compressed with xz.
pub(crate) fn mini(image: &Image<'_>) -> Option<Result<Vec<u8>, &'static str>> {
    let section = image.section(".gnu_debugdata")?;
    let packed = image.data(section, MAX_MINI)?;
    let decode = || {
        let stream = xz2::stream::Stream::new_stream_decoder(MAX_MINI, 0).ok()?;
        let decoder = xz2::read::XzDecoder::new_stream(&packed[..], stream);
        let mut bytes = Vec::new();
        decoder.take(MAX_MINI + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= MAX_MINI).then_some(bytes)
    };
    Some(decode().ok_or(".gnu_debugdata is malformed or too large"))
}

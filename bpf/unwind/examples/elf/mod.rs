//! The little of ELF that the examples need: sections and executable segments of 64-bit x86 files.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// Larger files are left out.
const MOST_BYTES: u64 = 1 << 30;

/// A section.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) address: u64,
    pub(crate) offset: usize,
    pub(crate) size: usize,
    in_file: bool,
}

/// A file's bytes and where its parts lie.
#[derive(Debug)]
pub(crate) struct Elf {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sections: Vec<Section>,
    pub(crate) code: Vec<Range<u64>>,
}

fn word(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let mut word = [0; 8];
    word[..size].copy_from_slice(bytes.get(at..at.checked_add(size)?)?);
    Some(u64::from_le_bytes(word))
}

fn index(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    usize::try_from(word(bytes, at, size)?).ok()
}

impl Elf {
    /// Reads a file; `None` if it is no executable or library of this kind.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let meta = path.metadata().ok()?;
        if !meta.is_file() || meta.len() > MOST_BYTES || !is_elf(path) {
            return None;
        }
        Self::parse(std::fs::read(path).ok()?)
    }

    /// From a file's bytes.
    pub(crate) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let is_program = bytes.starts_with(b"\x7fELF\x02\x01")
            && word(&bytes, 18, 2)? == 62
            && matches!(word(&bytes, 16, 2)?, 2 | 3);
        if !is_program {
            return None;
        }
        let headers = index(&bytes, 40, 8)?;
        let names = headers.checked_add(index(&bytes, 62, 2)?.checked_mul(64)?)?;
        let names = bytes.get(index(&bytes, names.checked_add(24)?, 8)?..)?;
        let mut sections = Vec::new();
        for number in 0..index(&bytes, 60, 2)? {
            let header = bytes.get(headers.checked_add(number * 64)?..)?;
            let name = names.get(index(header, 0, 4)?..)?.split(|&byte| byte == 0).next()?;
            sections.push(Section {
                name: String::from_utf8_lossy(name).into_owned(),
                address: word(header, 16, 8)?,
                offset: index(header, 24, 8)?,
                size: index(header, 32, 8)?,
                // Neither without bytes nor compressed.
                in_file: word(header, 4, 4)? != 8 && word(header, 8, 8)? & 1 << 11 == 0,
            });
        }
        let code = segments(&bytes)?;
        Some(Self { bytes, sections, code })
    }

    /// The bytes and the virtual address of a section that is in the file.
    pub(crate) fn section(&self, name: &str) -> Option<(&[u8], u64)> {
        let section = self.sections.iter().find(|section| section.name == name)?;
        let end = section.offset.checked_add(section.size)?;
        let bytes = self.bytes.get(section.offset..end).filter(|_| section.in_file)?;
        Some((bytes, section.address))
    }

    /// The virtual address of a section, 0 where there is none.
    pub(crate) fn address(&self, name: &str) -> u64 {
        self.sections.iter().find(|section| section.name == name).map_or(0, |found| found.address)
    }
}

/// The virtual addresses of the executable segments.
fn segments(bytes: &[u8]) -> Option<Vec<Range<u64>>> {
    let first = index(bytes, 32, 8)?;
    let mut code = Vec::new();
    for number in 0..index(bytes, 56, 2)? {
        let header = bytes.get(first.checked_add(number * 56)?..)?;
        if word(header, 0, 4)? == 1 && word(header, 4, 4)? & 1 != 0 {
            let start = word(header, 16, 8)?;
            code.push(start..start.checked_add(word(header, 40, 8)?)?);
        }
    }
    Some(code)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// All files below the paths, links left out.
pub(crate) fn files(paths: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = paths.collect();
    while let Some(path) = open.pop() {
        let Ok(meta) = path.symlink_metadata() else { continue };
        if meta.is_dir() {
            open.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()));
        } else if meta.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found.dedup();
    found
}

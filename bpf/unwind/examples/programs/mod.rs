//! The files that the examples read: programs and libraries for x86-64, whole.

use elf::{Bytes, Image, X86_64};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Larger files are left out.
const MOST_BYTES: u64 = 1 << 30;

/// A file's sections, in memory, and its executable segments.
#[derive(Debug)]
pub(crate) struct Elf {
    sections: Vec<(elf::Section, Option<Vec<u8>>)>,
    pub(crate) code: Vec<Range<u64>>,
}

impl Elf {
    /// Reads a file; `None` if it is no executable or library of this kind.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let meta = path.metadata().ok()?;
        if !meta.is_file() || meta.len() > MOST_BYTES || !is_elf(path) {
            return None;
        }
        let file = File::open(path).ok()?;
        let image = Image::parse(Bytes::File(&file)).ok()?;
        if !image.wide() || image.machine() != X86_64 || !matches!(image.kind(), 2 | 3) {
            return None;
        }
        let sections = image
            .sections
            .iter()
            .map(|section| (section.clone(), image.data(section, MOST_BYTES)))
            .collect();
        let segments = image.segments().ok()?;
        let range = |s: &elf::Segment| Some(s.address..s.address.checked_add(s.memory_size)?);
        let code = segments.iter().filter(|s| s.is_code()).map(range).collect::<Option<_>>()?;
        Some(Self { sections, code })
    }

    fn named(&self, name: &str) -> Option<&(elf::Section, Option<Vec<u8>>)> {
        self.sections.iter().find(|(section, _)| section.name == name)
    }

    /// The bytes and the virtual address of a section that is in the file and not compressed.
    pub(crate) fn section(&self, name: &str) -> Option<(&[u8], u64)> {
        let (section, bytes) = self.named(name)?;
        Some((bytes.as_deref()?, section.address))
    }

    /// The virtual address of a section, 0 where there is none.
    pub(crate) fn address(&self, name: &str) -> u64 {
        self.named(name).map_or(0, |(section, _)| section.address)
    }
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && magic == *b"\x7fELF"
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

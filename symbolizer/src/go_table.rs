//! The place of Go's own table in a program, and the runtime's description of the module.

use elf::word::{u32_at, u64_at};
use elf::{AARCH64, Image, Section, X86_64, relocations};

/// The largest table that is read, in bytes.
pub(crate) const MAX_TABLE: u64 = 256 << 20;
/// The most writable data that is searched for the module's description, in bytes.
const MAX_DATA: u64 = 64 << 20;
/// The words of the description that are read.
const WORDS: usize = 64;
/// The word of the description with the start of the text.
pub(crate) const TEXT: usize = 22;

/// The bytes of a Go program's `.gopclntab`, and the address of `runtime.text`, from which they count. `None` if there
/// is no such table, or it is too large.
pub fn go_table(image: &Image<'_>) -> Option<(Vec<u8>, u64)> {
    let section = section(image)?;
    let data = image.data(section, MAX_TABLE)?;
    let described = module(image, section.address).map_or(0, |words| words[TEXT]);
    let text = text(image, &data, described)?;
    Some((data, text))
}

/// The start of the text: from the module's description, else from the table, else from the section.
pub(crate) fn text(image: &Image<'_>, table: &[u8], described: u64) -> Option<u64> {
    let section = image.section(".text").map_or(0, |text| text.address);
    [described, stated_text(table), section].into_iter().find(|&text| text != 0)
}

/// The section of the table, if there is one.
pub(crate) fn section<'a>(image: &'a Image<'_>) -> Option<&'a Section> {
    image.section(".gopclntab").or_else(|| image.section(".data.rel.ro.gopclntab"))
}

/// The words of the runtime's description of the module. It is found by its first word, the address of the table.
pub(crate) fn module(image: &Image<'_>, table: u64) -> Option<[u64; WORDS]> {
    if !image.wide() || table == 0 {
        return None;
    }
    let fixed = [".go.module", ".noptrdata", ".data"].iter().find_map(|name| {
        let section = image.section(name)?;
        let data = image.data(section, MAX_DATA)?;
        data.chunks_exact(8)
            .enumerate()
            .filter(|(_, word)| *word == table.to_le_bytes())
            .find_map(|(index, _)| plausible(words(&data[index * 8..]), image))
    });
    fixed.or_else(|| relocated(image, table))
}

fn words(bytes: &[u8]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, raw) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64_at(raw, 0).unwrap_or(0);
    }
    words
}

/// In a position-independent program, the words are in the relocations.
fn relocated(image: &Image<'_>, table: u64) -> Option<[u64; WORDS]> {
    let section = image.section(".rela.dyn").or_else(|| image.section(".rela"))?;
    let data = image.data(section, MAX_DATA)?;
    let relative = match image.machine() {
        X86_64 => 8,
        AARCH64 => 1027,
        _ => return None,
    };
    let entries = || relocations(&data).filter(|entry| entry.kind == relative);
    let starts = entries().filter(|entry| entry.addend == table).map(|entry| entry.address).take(8);
    starts
        .filter_map(|start| {
            let mut words = [0; WORDS];
            for entry in entries() {
                let index = entry.address.wrapping_sub(start) / 8;
                if let Some(word) = usize::try_from(index).ok().and_then(|at| words.get_mut(at)) {
                    *word = entry.addend;
                }
            }
            plausible(words, image)
        })
        .next()
}

/// Accepts a description of the form used since Go 1.18, whose text is in a code section.
fn plausible(words: [u64; WORDS], image: &Image<'_>) -> Option<[u64; WORDS]> {
    let code = image.code(words[TEXT])?;
    (words[TEXT] < words[TEXT + 1] && words[TEXT + 1] <= code.end()).then_some(words)
}

/// The start of the text that the header states (Go 1.18 to 1.25, if it needs no relocation); otherwise 0.
pub fn stated_text(data: &[u8]) -> u64 {
    match (u32_at(data, 0), data.get(7)) {
        (Some(0xffff_fff0 | 0xffff_fff1), Some(8)) => u64_at(data, 24).unwrap_or(0),
        (Some(0xffff_fff0 | 0xffff_fff1), Some(4)) => u32_at(data, 16).unwrap_or(0).into(),
        _ => 0,
    }
}

//! From an open file to its unwind table.

use crate::proc;
use bpf::unwind::eh_frame::Frames;
use bpf::unwind::table::{Code, Source, Table};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use symbolizer::name::elf::{Bytes, Image, Section};

/// No larger section is read.
const LARGEST: u64 = 256 << 20;

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Built {
    /// Its rules.
    Table(Box<Table>),
    /// It has none: its code is walked by frame pointer.
    NoRules,
}

/// The table of a file's executable segments (virtual addresses).
pub(crate) fn table(file: &File, code: &[Range<u64>]) -> Built {
    build(Bytes::File(file), code).map_or(Built::NoRules, |table| Built::Table(Box::new(table)))
}

/// The table of the vDSO, the same in every process; its virtual addresses count from its first byte.
pub(crate) fn vdso() -> Option<Table> {
    let bytes = own_vdso()?;
    let whole = 0..bytes.len() as u64;
    build(Bytes::Memory(&bytes), &[whole])
}

/// The bytes of bpflame's own vDSO.
fn own_vdso() -> Option<Vec<u8>> {
    let maps = proc::text("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).ok());
    let mut bytes = vec![0; usize::try_from(end?.checked_sub(start?)?).ok()?];
    File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, start?).ok()?;
    Some(bytes)
}

fn build(bytes: Bytes<'_>, code: &[Range<u64>]) -> Option<Table> {
    let image = Image::parse(bytes).ok()?;
    let ranges = Code::new(code.iter().cloned()).ok()?;
    let eh = image.section(".eh_frame").and_then(|section| rules(&image, section, &ranges));
    let debug =
        || image.section(".debug_frame").and_then(|section| debug_rules(&image, section, &ranges));
    let rules = eh.or_else(debug)?;
    Some(Table::build(&ranges, &[&rules]))
}

fn rules(image: &Image<'_>, section: &Section, code: &Code) -> Option<Source> {
    let bytes = image.data(section, LARGEST)?;
    let found = Frames::eh(&bytes, section.address).rules(code);
    let any = found.source.covered().next().is_some();
    any.then_some(found.source)
}

fn debug_rules(image: &Image<'_>, section: &Section, code: &Code) -> Option<Source> {
    let bytes = image.data(section, LARGEST)?;
    let found = Frames::debug(&bytes).rules(code);
    let any = found.source.covered().next().is_some();
    any.then_some(found.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vdso_has_rules() {
        assert!(vdso().unwrap().rows().len() > 2);
    }
}

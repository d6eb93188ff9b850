//! Perf maps: lines of `START SIZE name`, written by a JIT compiler while it works.

use super::overlapping::{self, Overlapping, reading};
use crate::name::{Named, Text, Texts, lines, text};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

/// The most bytes of a map that are read.
const MAX_BYTES: u64 = 256 << 20;

/// The name of the code at each of the sorted addresses, from the bytes of a map.
pub fn names_in(map: &[u8], addresses: &[u64]) -> Vec<Option<Text>> {
    names(reading(map), addresses, &mut Texts::default())
}

/// Names for sorted addresses of an address space's JIT code.
pub(super) fn named(map: &File, addresses: &[u64], texts: &mut Texts) -> Vec<Named> {
    overlapping::named(names(|offset, buffer| map.read_at(buffer, offset), addresses, texts))
}

/// Names addresses by the entries of a map.
fn names(
    read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
    addresses: &[u64],
    texts: &mut Texts,
) -> Vec<Option<Text>> {
    let mut found = Overlapping::of(addresses);
    // The lines before an error are kept. A last line without an end may have half a name.
    let _ = lines::each(read, MAX_BYTES, false, |line| match entry(line) {
        Some((start, size, name)) => found.add(start, size, || Some(texts.keep(&text(name)))),
        None => ControlFlow::Continue(()),
    });
    found.names()
}

fn entry(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (start, rest) = lines::hex(line)?;
    let (size, rest) = lines::hex(rest.strip_prefix(b" ")?)?;
    let name = rest.strip_prefix(b" ")?.trim_ascii();
    (!name.is_empty()).then_some((start, size, name))
}

//! Perf maps: lines of `START SIZE name`, written by a JIT compiler while it works.

use crate::name::{Named, Text, Texts, lines, text};
use crate::place::Reason;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

/// The most bytes of a map that are read.
const MAX_BYTES: u64 = 256 << 20;
/// The most steps of work on overlapping entries.
const MAX_STEPS: u64 = 1 << 24;

/// The name of the code at each of the sorted addresses, from the bytes of a map.
pub fn names_in(map: &[u8], addresses: &[u64]) -> Vec<Option<Text>> {
    let read = |offset: u64, buffer: &mut [u8]| {
        let rest = usize::try_from(offset).ok().and_then(|start| map.get(start..));
        io::Read::read(&mut rest.unwrap_or_default(), buffer)
    };
    names(read, addresses, &mut Texts::default())
}

/// Names for sorted addresses of an address space's JIT code.
pub(super) fn named(map: &File, addresses: &[u64], texts: &mut Texts) -> Vec<Named> {
    let found = names(|offset, buffer| map.read_at(buffer, offset), addresses, texts);
    let name = |name| Named::in_module("[jit]", name, Reason::NoJitEntry);
    found.into_iter().map(name).collect()
}

/// Names addresses by the entries of a map. Code moves and memory is reused, so the later one of two overlapping
/// entries is right.
fn names(
    read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
    addresses: &[u64],
    texts: &mut Texts,
) -> Vec<Option<Text>> {
    let mut found: Vec<Option<Text>> = vec![None; addresses.len()];
    let mut steps = 0;
    // The lines before an error are kept. A last line without an end may have half a name.
    let _ = lines::each(read, MAX_BYTES, false, |line| {
        let Some((start, size, name)) = entry(line) else { return ControlFlow::Continue(()) };
        let first = addresses.partition_point(|&address| address < start);
        let end = start.saturating_add(size);
        let len = addresses[first..].partition_point(|&address| address < end);
        if len > 0 {
            found[first..first + len].fill(Some(texts.keep(&text(name))));
            steps += len as u64;
        }
        if steps > MAX_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

fn entry(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (start, rest) = lines::hex(line)?;
    let (size, rest) = lines::hex(rest.strip_prefix(b" ")?)?;
    let name = rest.strip_prefix(b" ")?.trim_ascii();
    (!name.is_empty()).then_some((start, size, name))
}

//! Stubs that people wrote in assembly, many in one blob, with tables among them: they are disassembled from where the
//! runtime's data points to, and from what looks like a function's begin. Those that keep a frame pointer need no more: their
//! stacks' heights may depend on loops.

use super::blob::{Blob, UNKNOWN};
use super::height;
use super::rows::Rows;
use crate::rule::Cfa;
use crate::synth::{Input, Segment, Uncovered, synthesise};
use crate::table::Code;

/// Functions begin at multiples of this.
const ALIGNMENT: usize = 16;
/// `push rbp; mov rbp, rsp`, in its two forms.
const PROLOGUES: [&[u8]; 2] = [b"\x55\x48\x8b\xec", b"\x55\x48\x89\xe5"];

/// The rules of all that can be followed.
pub(super) fn rows(blob: &Blob<'_>, pointers: &[u64]) -> Rows {
    let end = blob.address.checked_add(blob.code.len() as u64);
    let range = end.map(|end| blob.address..end);
    let Some((range, code)) =
        range.and_then(|range| Some((range.clone(), Code::new(Some(range)).ok()?)))
    else {
        return Rows::of(UNKNOWN);
    };
    let memory = vec![Segment { address: blob.address, bytes: blob.code }];
    let uncovered = Uncovered::read(&code, &memory, &[]);
    let first = pointers.partition_point(|pointer| *pointer < range.start);
    let inside = pointers[first..].iter().copied().take_while(|pointer| *pointer < range.end);
    let mut entries: Vec<u64> = inside.filter(|pointer| range.contains(pointer)).collect();
    entries.extend(aligned(blob));
    entries.sort_unstable();
    entries.dedup();
    let offset = |entry: &u64| (entry - blob.address) as usize;
    let framed: Vec<usize> = entries.iter().map(offset).filter(|at| begins(blob, *at)).collect();
    let made = synthesise(&Input {
        code: &code,
        memory: &memory,
        fixed: false,
        uncovered: &uncovered,
        plt: &[],
        functions: &[],
        pointers: &entries,
    });
    let mut rows = Rows::of(UNKNOWN);
    // A guess is not a rule: either the frame pointer leads to the caller here, or nothing does.
    for (part, rule) in made.rules.iter().filter(|(_, rule)| rule.cfa != Cfa::Guessed) {
        rows.push((part.start - range.start) as usize, *rule);
        rows.push((part.end - range.start) as usize, UNKNOWN);
    }
    rows.filled(&height::framed(blob, &framed)).shrunk()
}

/// Aligned addresses where a function makes its frame.
fn aligned(blob: &Blob<'_>) -> impl Iterator<Item = u64> {
    let first = blob.address.wrapping_neg() as usize % ALIGNMENT;
    let places = (first..blob.code.len()).step_by(ALIGNMENT);
    places.filter(|at| begins(blob, *at)).map(|at| blob.address + at as u64)
}

/// Whether the first instructions of a function are at an offset.
fn begins(blob: &Blob<'_>, offset: usize) -> bool {
    let code = blob.code.get(offset..).unwrap_or_default();
    PROLOGUES.iter().any(|bytes| code.starts_with(bytes))
}

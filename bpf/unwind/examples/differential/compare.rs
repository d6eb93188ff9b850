//! Looked-up rules beside gimli's own rows, at sampled addresses of every function entry.

use std::collections::BTreeMap;
use std::ops::Range;

use gimli::{CieOrFde, UnwindContext, UnwindSection, UnwindTableRow};

use super::machine::{Bytes, Found, Machine, Step};
use super::{Code, FrameKind, Frames, ReturnAddress, Table};

/// Differences beyond this many are counted, and not described.
const MOST_DESCRIBED: usize = 20;

/// The figures of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Function entries.
    pub(crate) entries: u64,
    /// Sampled addresses.
    pub(crate) addresses: u64,
    /// The addresses at which rule and row agree.
    pub(crate) equal: u64,
    /// The addresses whose row cannot be expressed, by kind.
    pub(crate) inexpressible: BTreeMap<&'static str, u64>,
    /// The addresses whose row gimli's evaluation does not compute.
    pub(crate) not_computed: u64,
    /// Sampled addresses between entries.
    pub(crate) gaps: u64,
    /// The addresses at which they differ.
    pub(crate) different: u64,
    /// Some of these, described.
    pub(crate) described: Vec<String>,
    /// The equal addresses at which the spare register is also known.
    pub(crate) spare: u64,
}

impl Comparison {
    /// Adds another one's figures.
    pub(crate) fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.addresses += other.addresses;
        self.equal += other.equal;
        self.not_computed += other.not_computed;
        self.gaps += other.gaps;
        self.different += other.different;
        self.spare += other.spare;
        for (kind, count) in &other.inexpressible {
            *self.inexpressible.entry(kind).or_default() += count;
        }
    }

    fn differs(&mut self, describe: impl FnOnce() -> String) {
        self.different += 1;
        if self.described.len() < MOST_DESCRIBED {
            self.described.push(describe());
        }
    }

    /// One address in one row.
    fn address<'a, S: UnwindSection<Bytes<'a>>>(
        &mut self,
        address: u64,
        row: &UnwindTableRow<usize>,
        section: &S,
        table: &Table,
    ) {
        self.addresses += 1;
        let machine = Machine { rip: address };
        let Some(rule) = table.look_up(address) else {
            return self.differs(|| format!("{address:#x}: no rule for {row:?}"));
        };
        if let ReturnAddress::Unsupported(kind) = rule.ra {
            *self.inexpressible.entry(kind.words()).or_default() += 1;
            return;
        }
        let (Some(expected), Some(found)) =
            (machine.follow_row(row, section), machine.follow(&rule))
        else {
            self.not_computed += 1;
            return;
        };
        if !same(&found, &expected) {
            self.differs(|| format!("{address:#x}: {rule:?} for {row:?}"));
        } else if lost(&found, &expected) {
            *self.inexpressible.entry("frame pointer by an unknown expression").or_default() += 1;
        } else {
            self.equal += 1;
            self.spare += u64::from(found.spare != Found::Unknown);
        }
    }
}

/// Whether what was found is what was expected, as far as it is known. At the end of the stack nothing else counts.
fn same(found: &Step, expected: &Step) -> bool {
    let known = |found, expected| found == Found::Unknown || found == expected;
    if expected.ra == Found::Undefined || found.ra == Found::Undefined {
        return found.ra == expected.ra;
    }
    found.sp == expected.sp
        && found.ra == expected.ra
        && known(found.fp, expected.fp)
        && known(found.spare, expected.spare)
}

/// Whether the frame pointer has a value that the rule cannot say.
fn lost(found: &Step, expected: &Step) -> bool {
    found.fp == Found::Unknown
        && matches!(expected.fp, Found::Value(_))
        && found.ra != Found::Undefined
}

/// Compares a section's entries with the table that was made from it alone.
pub(crate) fn compare(frames: &Frames<'_>, code: &Code, table: &Table) -> Comparison {
    let bases = gimli::BaseAddresses::default()
        .set_eh_frame(frames.address)
        .set_text(frames.text)
        .set_got(frames.got);
    match frames.kind {
        FrameKind::Eh => {
            let mut section = gimli::EhFrame::new(frames.bytes, gimli::LittleEndian);
            section.set_address_size(8);
            entries(&section, &bases, code, table)
        }
        FrameKind::Debug => {
            let mut section = gimli::DebugFrame::new(frames.bytes, gimli::LittleEndian);
            section.set_address_size(8);
            entries(&section, &bases, code, table)
        }
    }
}

fn entries<'a, S: UnwindSection<Bytes<'a>>>(
    section: &S,
    bases: &gimli::BaseAddresses,
    code: &Code,
    table: &Table,
) -> Comparison {
    let mut comparison = Comparison::default();
    let mut context = UnwindContext::new();
    let mut covered = Vec::new();
    let mut all = section.entries(bases);
    while let Ok(Some(entry)) = all.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(entry) = partial.parse(S::cie_from_offset) else { continue };
        let range = entry.initial_address()..entry.end_address();
        if code.within(range.clone()).next().is_none() {
            continue;
        }
        comparison.entries += 1;
        covered.push(range);
        let Ok(mut rows) = entry.rows(section, bases, &mut context) else { continue };
        while let Ok(Some(row)) = rows.next_row() {
            let range = row.start_address()..row.end_address().min(entry.end_address());
            for address in sampled(range, matches!(row.cfa(), gimli::CfaRule::Expression(_))) {
                comparison.address(address, row, section, table);
            }
        }
    }
    gaps(&mut comparison, covered, table);
    comparison
}

/// The sampled addresses of a row: its first, its second and its last; of expressions, which may look at the address,
/// also some between.
fn sampled(range: Range<u64>, expression: bool) -> impl Iterator<Item = u64> {
    let first = range.end.min(range.start.saturating_add(if expression { 34 } else { 2 }));
    (range.start..first).chain(first.max(range.end.saturating_sub(1))..range.end)
}

/// Between entries there is no rule.
fn gaps(comparison: &mut Comparison, mut covered: Vec<Range<u64>>, table: &Table) {
    covered.sort_by_key(|range| range.start);
    let mut end = 0;
    for range in covered {
        if end != 0 && end < range.start {
            for address in [end, range.start - 1] {
                comparison.gaps += 1;
                if let Some(rule) = table.look_up(address) {
                    comparison.differs(|| format!("{address:#x}: {rule:?} in a gap"));
                }
            }
        }
        end = end.max(range.end);
    }
}

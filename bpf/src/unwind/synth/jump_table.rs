//! Where a jump through a table of offsets leads.

use super::image::Image;
use super::state::Entry;

/// Entries that are read at most.
const MOST_ENTRIES: usize = 512;

/// A table in the file; its entries are relative to a base.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) begin: u64,
    pub(super) entry: Entry,
    pub(super) base: u64,
}

/// The targets of a jump at an address, as long as they lie in the same stretch of code, in the order of the table. A table
/// ends where another one begins, at the latest.
pub(super) fn targets(image: &Image<'_>, jump: u64, table: Table) -> Vec<u64> {
    let Some(gap) = image.gap(jump) else { return Vec::new() };
    let mut targets = Vec::new();
    let mut at = table.begin;
    while targets.len() < MOST_ENTRIES && (at == table.begin || !image.is_mentioned(at)) {
        let target =
            offset_at(image, at, table.entry).map(|offset| table.base.wrapping_add_signed(offset));
        let Some(target) = target.filter(|target| gap.contains(target)) else { break };
        if !targets.contains(&target) {
            targets.push(target);
        }
        at += u64::from(table.entry.size());
    }
    targets
}

fn offset_at(image: &Image<'_>, at: u64, entry: Entry) -> Option<i64> {
    let bytes = image.bytes(at, usize::from(entry.size()))?;
    match (entry, bytes) {
        (Entry::Unsigned16, &[low, high]) => Some(i64::from(u16::from_le_bytes([low, high]))),
        (Entry::Signed16, &[low, high]) => Some(i64::from(i16::from_le_bytes([low, high]))),
        (Entry::Signed32, bytes) => {
            bytes.try_into().ok().map(|bytes| i64::from(i32::from_le_bytes(bytes)))
        }
        _ => None,
    }
}

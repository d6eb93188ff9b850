//! The targets of a jump through a table of offsets.

use super::image::Image;
use super::state::Entry;

/// Entries that are read at most.
const MOST_ENTRIES: usize = 64;
/// The first index that a jump uses, at most.
const LOWEST_INDEX: usize = 8;

/// A table in the file; its entries are relative to a base.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) begin: u64,
    pub(super) entry: Entry,
    pub(super) base: u64,
}

/// The targets of a jump at an address, in the order of the table, as far as they are in the same stretch of code. Indices often begin
/// above 0, so the first [`LOWEST_INDEX`] entries may belong to another table. For the same reason, this table may continue for that
/// many entries after the begin of the next one.
pub(super) fn targets(image: &Image<'_>, jump: u64, table: Table) -> Vec<u64> {
    let Some(gap) = image.gap(jump) else { return Vec::new() };
    let mut targets = Vec::new();
    let mut rest = MOST_ENTRIES;
    let mut at = table.begin;
    let size = usize::from(table.entry.size());
    let bytes = image.read(table.begin, MOST_ENTRIES * size);
    let mut entries = bytes.chunks_exact(size);
    while let Some(left) = rest.checked_sub(1) {
        rest = left;
        if at != table.begin && image.is_mentioned(at) {
            rest = rest.min(LOWEST_INDEX);
        }
        let Some(offset) = entries.next().and_then(|bytes| offset(bytes, table.entry)) else {
            break;
        };
        at += size as u64;
        let target = table.base.wrapping_add_signed(offset);
        if gap.contains(&target) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        } else if !targets.is_empty() || MOST_ENTRIES - rest > LOWEST_INDEX {
            break;
        }
    }
    targets
}

fn offset(bytes: &[u8], entry: Entry) -> Option<i64> {
    match (entry, bytes) {
        (Entry::Unsigned16, &[low, high]) => Some(i64::from(u16::from_le_bytes([low, high]))),
        (Entry::Signed16, &[low, high]) => Some(i64::from(i16::from_le_bytes([low, high]))),
        (Entry::Signed32, bytes) => {
            bytes.try_into().ok().map(|bytes| i64::from(i32::from_le_bytes(bytes)))
        }
        _ => None,
    }
}

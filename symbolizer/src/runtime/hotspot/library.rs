//! The library of a virtual machine, and the description that it has of itself.

use super::super::loaded::Loaded;
use super::super::reader::Running;
use super::layout::Layout;
use super::reads::Reads;
use std::sync::Arc;

/// The first bytes of a library, with its build id.
const BEGIN: usize = 1 << 10;

/// The description of the library that a process has loaded, if need be from the last question about it. The process may have loaded another
/// one since, in the same place: then its first bytes differ.
pub(super) fn known_layout(process: &Running<'_>, reads: &Reads<'_>) -> Option<Arc<Layout>> {
    let read = || layout(process, reads);
    let Some((kept, number)) = process.memory.kept() else { return read().map(Arc::new) };
    let mut key = reads.bytes(process.image, BEGIN)?;
    key.extend(number.into_iter().chain([process.image]).flat_map(u64::to_le_bytes));
    kept.get(key, read)
}

/// The description of the library that a process has loaded.
pub(super) fn layout(process: &Running<'_>, reads: &Reads<'_>) -> Option<Layout> {
    let library = Loaded::of(process)?;
    Layout::read(reads, &|name| Some(library.symbol(process, name.as_bytes())?.address))
}

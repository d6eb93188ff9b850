//! Leaves whose caller a step by frame pointer may have skipped: code that the unwind rules describe by the
//! stack pointer has not set up a frame pointer of its own, so the register still is the caller's.

use crate::stacks::{PlaceId, Stacks};
use bpf::unwind::{CfaBase, FrameSections};
use std::collections::BTreeMap;
use std::fs::File;
use symbolizer::name::elf::{Bytes, Image};
use symbolizer::{FileId, Place, ProcessTable};

/// Larger unwind sections are not read: their files' leaves go unmarked.
const LARGEST: u64 = 32 << 20;

/// By place: whether a leaf there may hide its caller. Files that can't be read have no such leaves.
pub(crate) fn leaves(stacks: &Stacks, table: &ProcessTable) -> Vec<bool> {
    let mut frameless = vec![false; stacks.places().len()];
    for (file, leaves) in by_file(stacks) {
        let Some(handle) = table.file(file).and_then(|file| file.handle.as_ref()) else { continue };
        for place in by_stack_pointer(handle, &leaves).unwrap_or_default() {
            frameless[place.0 as usize] = true;
        }
    }
    frameless
}

/// The leaves that lie in files, with their virtual addresses.
fn by_file(stacks: &Stacks) -> BTreeMap<FileId, Vec<(PlaceId, u64)>> {
    let mut files: BTreeMap<FileId, Vec<(PlaceId, u64)>> = BTreeMap::new();
    for leaf in stacks.user_leaves() {
        if let Place::File { file, address } = stacks.places()[leaf.0 as usize] {
            files.entry(file).or_default().push((leaf, address));
        }
    }
    files
}

/// Those leaves whose frame is found by the stack pointer; `None` where the file has no such rules.
fn by_stack_pointer(file: &File, leaves: &[(PlaceId, u64)]) -> Option<Vec<PlaceId>> {
    let image = Image::parse(Bytes::File(file)).ok()?;
    let section = |name| {
        let section = image.section(name)?;
        Some((image.data(section, LARGEST)?, section.address))
    };
    let frame = section(".eh_frame")?;
    let header = section(".eh_frame_hdr").unwrap_or_default();
    let text = image.section(".text").map_or(0, |text| text.address);
    let sections = FrameSections::new((&frame.0, frame.1), (&header.0, header.1), text);
    let found = |address| sections.cfa_base(address) == Some(CfaBase::StackPointer);
    Some(leaves.iter().filter(|(_, address)| found(*address)).map(|(place, _)| *place).collect())
}

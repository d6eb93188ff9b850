//! Leaves whose caller a step by frame pointer may have skipped: code that the unwind rules describe by the
//! stack pointer has not set up a frame pointer of its own, so the register still is the caller's. Where there are no rules,
//! nobody knows.

use crate::stacks::{PlaceId, Stacks};
use bpf::unwind::{CfaBase, FrameSections};
use std::collections::BTreeMap;
use std::fs::File;
use symbolizer::name::elf::{Bytes, Image};
use symbolizer::{FileId, Place, ProcessTable};

/// Larger unwind sections are not read: nothing is known of their files' leaves.
const LARGEST: u64 = 32 << 20;

/// What a step by frame pointer out of a leaf is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// The leaf has a frame of its own, or code that was made at run time, of which no rules are to be had.
    #[default]
    Framed,
    /// The register still is the caller's, or no rule of the file says anything.
    Frameless,
    /// In a file without rules, that can't be read, or in no file.
    WithoutRules,
}

/// What the leaves of stacks that were left by frame pointer are, by place.
pub(crate) fn leaves(stacks: &Stacks, table: &ProcessTable) -> Vec<Leaf> {
    let mut all = vec![Leaf::default(); stacks.places().len()];
    let mut files: BTreeMap<FileId, Vec<(PlaceId, u64)>> = BTreeMap::new();
    for leaf in stacks.leaves_by_frame_pointer() {
        match stacks.places()[leaf.0 as usize] {
            Place::File { file, address } => files.entry(file).or_default().push((leaf, address)),
            Place::Unknown { .. } => all[leaf.0 as usize] = Leaf::WithoutRules,
            Place::Vdso { .. } | Place::Jit { .. } | Place::Kernel { .. } => {}
        }
    }
    for (file, leaves) in files {
        let handle = table.file(file).and_then(|file| file.handle.as_ref());
        let judged = handle.and_then(|handle| by_rules(handle, &leaves));
        for (at, (place, _)) in leaves.iter().enumerate() {
            all[place.0 as usize] = judged.as_ref().map_or(Leaf::WithoutRules, |judged| judged[at]);
        }
    }
    all
}

/// What these leaves are by their file's rules; `None` where it has none.
fn by_rules(file: &File, leaves: &[(PlaceId, u64)]) -> Option<Vec<Leaf>> {
    let image = Image::parse(Bytes::File(file)).ok()?;
    let section = |name| {
        let section = image.section(name)?;
        Some((image.data(section, LARGEST)?, section.address))
    };
    let frame = section(".eh_frame").filter(|(bytes, _)| bytes.len() > EMPTY)?;
    let header = section(".eh_frame_hdr").unwrap_or_default();
    let text = image.section(".text").map_or(0, |text| text.address);
    let sections = FrameSections::new((&frame.0, frame.1), (&header.0, header.1), text);
    let judge = |address| match sections.cfa_base(address) {
        Some(CfaBase::StackPointer) | None => Leaf::Frameless,
        Some(CfaBase::FramePointer | CfaBase::Other) => Leaf::Framed,
    };
    Some(leaves.iter().map(|(_, address)| judge(*address)).collect())
}

/// Bytes of a section that has nothing but its end.
const EMPTY: usize = 4;

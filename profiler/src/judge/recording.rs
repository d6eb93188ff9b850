//! A finished recording: counts, processes, names, leaves.

use super::leaves::Leaf;
use crate::host::console::clean;
use crate::record::counts::{Key, StackCounts};
use crate::record::stacks::PlaceId;
use bpf::{Flags, Trust};
use symbolizer::{FileId, Named, Place, ProcessTable};

/// The module of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Module {
    /// A file.
    File(FileId),
    /// The vDSO.
    Vdso,
    /// Code made at run time.
    Jit,
    /// Unknown.
    Unknown,
}

/// The inputs of judgements and of a profile.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    /// The counts.
    pub counts: &'a StackCounts,
    /// The processes and files.
    pub table: &'a ProcessTable,
    /// Names, by place.
    pub named: &'a [Named],
    /// The reliability of a step by frame pointer out of a leaf, by place.
    pub leaves: &'a [Leaf],
}

impl Recording<'_> {
    /// Whether the step out of the user leaf was by frame pointer, from code that may not have set one up.
    pub(crate) fn caller_may_be_missing(&self, key: &Key) -> bool {
        let Some(user) = key.user else { return false };
        let frames = self.counts.stacks.frames(user);
        let Some((place, _)) = frames.first() else { return false };
        let leaf = self.leaves.get(place.0 as usize).copied().unwrap_or_default();
        let by_frame_pointer = match frames {
            [_, (_, caller), ..] => *caller == Trust::FramePointer,
            _ if key.flags.has(Flags::COMPAT) => false,
            _ => key.flags.has(Flags::FRAME_POINTERS) || leaf == Leaf::WithoutRules,
        };
        by_frame_pointer && leaf != Leaf::Framed
    }

    /// The module of a place.
    pub(crate) fn module(&self, place: PlaceId) -> Module {
        match self.counts.stacks.places()[place.0 as usize] {
            Place::File { file, .. } => Module::File(file),
            Place::Vdso { .. } => Module::Vdso,
            Place::Jit { .. } | Place::Interpreted { .. } => Module::Jit,
            Place::Kernel { .. } | Place::Unknown { .. } => Module::Unknown,
        }
    }

    /// The name of a module: a file's without its directories.
    pub(crate) fn module_name(&self, module: Module) -> String {
        let text = match module {
            Module::File(file) => {
                let path = self.table.file(file).map_or(&[][..], |file| &file.path);
                let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
                String::from_utf8_lossy(name).into_owned()
            }
            Module::Vdso => String::from("[vdso]"),
            Module::Jit => String::from("[jit]"),
            Module::Unknown => String::new(),
        };
        if text.is_empty() { String::from("[unknown]") } else { clean(&text) }
    }
}

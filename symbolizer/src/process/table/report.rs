//! The known facts about each address space, for reports on a target.

use super::state::ProcessTable;
use crate::place::{FileId, Reason};
use crate::process::Space;
use crate::process::space::mappings::Content;
use crate::process::space::story::Story;
use crate::runtime::Runtime;
use std::collections::HashSet;

/// The facts about an address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceFacts {
    /// The address space.
    pub space: Space,
    /// Process id.
    pub pid: u32,
    /// Its name, any bytes; empty if it is unknown.
    pub name: Vec<u8>,
    /// Its runtime, if one was recognized.
    pub runtime: Option<Runtime>,
    /// Whether it has code in memory without a file.
    pub has_jit_code: bool,
    /// The files that it maps as code, by address; each once.
    pub files: Vec<FileId>,
    /// The reason why its mappings are unknown.
    pub reason: Option<Reason>,
}

impl ProcessTable {
    /// The present address spaces of all pids.
    pub fn spaces(&self) -> impl Iterator<Item = SpaceFacts> {
        self.current.values().filter_map(|&index| self.facts(index))
    }

    /// The present address space of a pid, if it is known.
    pub fn process(&self, pid: u32) -> Option<SpaceFacts> {
        self.facts(*self.current.get(&pid)?)
    }

    fn facts(&self, index: u32) -> Option<SpaceFacts> {
        let image = self.image(index)?;
        let (mut files, mut seen) = (Vec::new(), HashSet::new());
        for mapping in image.maps.iter() {
            if let Content::File(file) = mapping.content
                && seen.insert(file)
            {
                files.push(file);
            }
        }
        Some(SpaceFacts {
            space: Space { index, epoch: image.epoch },
            pid: image.pid,
            name: image.comm.as_deref().unwrap_or_default().to_vec(),
            runtime: image.runtime,
            has_jit_code: image.maps.iter().any(|mapping| mapping.content == Content::Jit),
            files,
            reason: match image.story {
                Story::Unreadable(reason) => Some(reason),
                Story::Unread | Story::Known | Story::Doubted { .. } => None,
            },
        })
    }
}

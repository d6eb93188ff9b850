//! A reading of `/proc` that is not certain yet.

use super::mappings::Mappings;
use super::story::Story;
use crate::runtime::Runtime;
use std::sync::Arc;

/// What an address space was before `/proc` was read for it, kept until it is certain what was read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// Whose maps were read: its own pid, or that of an ancestor which it shares mappings with.
    pub(crate) pid: u32,
    /// When the reading ended, nanoseconds of CLOCK_MONOTONIC: an exec before that spoils it.
    pub(crate) end: u64,
    pub(crate) maps: Arc<Mappings>,
    pub(crate) story: Story,
    pub(crate) comm: Option<Arc<[u8]>>,
    pub(crate) runtime: Option<Runtime>,
    pub(crate) watched: bool,
    /// Samples that were located by what was read.
    pub(crate) samples: u64,
}

impl Reading {
    /// What a child is to take back if its parent is.
    pub(crate) fn inherited(&self) -> Box<Self> {
        let story = if self.story == Story::Known { Story::Known } else { Story::Unread };
        Box::new(Self { story, watched: false, samples: 0, ..self.clone() })
    }

    /// Whether an exec of `pid` at `time` shows that the memory of the program that came next was read.
    pub(crate) fn is_spoilt(&self, pid: u32, time: u64) -> bool {
        self.pid == pid && time < self.end
    }
}

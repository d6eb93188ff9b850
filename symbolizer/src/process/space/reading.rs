//! A reading of `/proc` that is not certain yet.

use super::mappings::Mappings;
use super::story::Story;
use crate::runtime::Runtime;
use std::sync::Arc;

/// The state of an address space before `/proc` was read for it. It is kept until the reading is certain.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The process whose maps were read: its own pid, or that of an ancestor with which it shares mappings.
    pub(crate) pid: u32,
    /// The end of the reading, in nanoseconds of CLOCK_MONOTONIC. An exec before that spoils the reading.
    pub(crate) end: u64,
    pub(crate) maps: Arc<Mappings>,
    pub(crate) story: Story,
    pub(crate) comm: Option<Arc<[u8]>>,
    pub(crate) runtime: Option<Runtime>,
    pub(crate) watched: bool,
    /// The number of samples that the reading located.
    pub(crate) samples: u64,
}

impl Reading {
    /// The state that a child must restore if its parent's reading is taken back.
    pub(crate) fn inherited(&self) -> Box<Self> {
        let story = if self.story == Story::Known { Story::Known } else { Story::Unread };
        Box::new(Self { story, watched: false, samples: 0, ..self.clone() })
    }

    /// Whether an exec of `pid` at `time` shows that the next program's memory was read.
    pub(crate) fn is_spoilt(&self, pid: u32, time: u64) -> bool {
        self.pid == pid && time < self.end
    }
}

//! The state of a file's table.

use super::build::Built;
use bpf::unwind::table::Table;
use bpf::{Installed, Way};
use symbolizer::{MappedFile, Warning};

/// The state of a file's table.
#[derive(Debug)]
pub(super) enum TableState {
    /// The table is being built.
    Building,
    /// The table waits for room.
    Waiting(Box<Waiting>),
    /// The table is installed, so that walks can search it.
    Installed {
        /// The installed table.
        table: Installed,
        /// The number of the update in which it was last used.
        used: u64,
        /// Whether disassembly may add rules.
        more: bool,
        /// The number of walks that reached code without rules.
        came: u64,
    },
    /// The file has no rules: its code is walked by frame pointer.
    NoRules,
    /// There was no room for the table.
    NoRoom,
    /// The file is too large for a table.
    TooLarge,
}

/// The reason why a file with rules has no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTable {
    /// There was no room.
    NoRoom,
    /// There was no room for the table of its run-time code.
    NoRoomForMade,
    /// Its code spans 4 GiB or more, or its sections of rules exceed their limit.
    TooLarge,
}

impl NoTable {
    /// The warning about the file.
    pub(super) fn warning(self, file: &MappedFile) -> Warning {
        let file = String::from_utf8_lossy(&file.path).into_owned();
        let what = match self {
            Self::NoRoom => {
                "no memory left for its unwind table; raise --unwind-memory or record fewer processes"
            }
            Self::NoRoomForMade => {
                "no memory left for the unwind table of its run-time code; raise --unwind-memory or record fewer processes"
            }
            Self::TooLarge => "too large for an unwind table; walked by frame pointer",
        };
        Warning { file, what: what.to_owned() }
    }
}

/// A table that waits for room.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) table: Table,
    pub(super) more: bool,
    /// The number of updates for which it has waited.
    pub(super) turns: u32,
}

impl From<Built> for TableState {
    fn from(built: Built) -> Self {
        match built {
            Built::NoRules => Self::NoRules,
            Built::TooLarge => Self::TooLarge,
            Built::Table { table, more } => {
                Self::Waiting(Box::new(Waiting { table: *table, more, turns: 0 }))
            }
        }
    }
}

impl TableState {
    /// Why there is no table, if there are rules.
    pub(super) fn no_table(&self) -> Option<NoTable> {
        match self {
            Self::NoRoom | Self::Waiting(_) => Some(NoTable::NoRoom),
            Self::TooLarge => Some(NoTable::TooLarge),
            Self::Building | Self::Installed { .. } | Self::NoRules => None,
        }
    }

    /// The way in which code is walked if its file's table is in this state, and whether the table is still to come.
    pub(super) fn way(of: Option<&Self>, bias: u64) -> (Way<'_>, bool) {
        match of {
            Some(Self::Installed { table, .. }) => (Way::Rules { table, bias }, false),
            Some(Self::NoRules) => (Way::FramePointers, false),
            Some(Self::NoRoom | Self::TooLarge) => (Way::Unknown, false),
            Some(Self::Building | Self::Waiting(_)) | None => (Way::Unknown, true),
        }
    }
}

//! The state of a file's table.

use super::accounts::Paid;
use super::build::{Built, Interpreter};
use bpf::Way;
use bpf::unwind::table::Table;
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
        paid: Paid,
        /// The number of the update in which it was last used.
        used: u64,
        /// Whether disassembly may add rules.
        more: bool,
        /// The number of walks that reached code without rules.
        came: u64,
        /// The interpreter in the file.
        interpreter: Option<Box<Interpreter>>,
    },
    /// The file has no rules: its code is walked by frame pointer.
    NoRules,
    /// There was no room for the table.
    NoRoom,
    /// The table is beyond the shares of the processes that wanted it.
    NoShare,
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

/// The warning about a process that has more tables than its share.
pub(super) fn more_than_its_share(pid: u32) -> Warning {
    let what = "its unwind tables are more than its share of the memory; raise --unwind-memory";
    Warning { file: format!("process {pid}"), what: what.to_owned() }
}

/// The warning about a process with more code than the tables of a process hold.
pub(super) fn partly_walked(pid: u32) -> Warning {
    let what = "too much code for its unwind tables: they have what was sampled first, then what is largest";
    Warning { file: format!("process {pid}"), what: what.to_owned() }
}

/// A table that waits for room.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The process that pays for it.
    pub(super) pid: u32,
    pub(super) table: Table,
    pub(super) more: bool,
    pub(super) interpreter: Option<Box<Interpreter>>,
    /// The number of updates for which it has waited.
    pub(super) turns: u32,
}

impl TableState {
    /// The state of a table that was built for a process.
    pub(super) fn of(built: Built, pid: u32) -> Self {
        match built {
            Built::NoRules => Self::NoRules,
            Built::TooLarge => Self::TooLarge,
            Built::Table { table, more, interpreter } => {
                let table = *table;
                Self::Waiting(Box::new(Waiting { pid, table, more, interpreter, turns: 0 }))
            }
        }
    }

    /// Why there is no table, if there are rules.
    pub(super) fn no_table(&self) -> Option<NoTable> {
        match self {
            Self::NoRoom | Self::Waiting(_) => Some(NoTable::NoRoom),
            Self::TooLarge => Some(NoTable::TooLarge),
            Self::Building | Self::Installed { .. } | Self::NoRules | Self::NoShare => None,
        }
    }

    /// The way in which code is walked if its file's table is in this state, and whether the table is still to come.
    pub(super) fn way(of: Option<&Self>, bias: u64) -> (Way<'_>, bool) {
        match of {
            Some(Self::Installed { paid, .. }) => (Way::Rules { table: &paid.table, bias }, false),
            Some(Self::NoRules) => (Way::FramePointers, false),
            Some(Self::NoRoom | Self::TooLarge) => (Way::Unknown, false),
            Some(Self::Building | Self::Waiting(_) | Self::NoShare) | None => (Way::Unknown, true),
        }
    }
}

//! From an address to frames: the file of an address while its process lives, and its names afterwards.
//!
//! *What it is.* Two halves, joined by [`Place`]. The [`ProcessTable`] follows processes, mappings and files through [`Event`]s in the
//! order of their time, and returns the place of an address *now* ([`ProcessTable::locate`]). A [`Symbolize`] names places after the
//! recording. *What you must do.* Announce a window's events. Apply every event before you locate an address of a later time. Locate
//! each new stack once, while its process may still live. *What it does.* It opens files at first sight, so that a process that has
//! ended is still named. It checks that a file is the one that was mapped. It bounds all its reads. *What it is not.* It knows nothing
//! of samples, profiles and BPF. It never fails because of one foreign file: an unknown fact is data, a [`Reason`].
//!
//! Modules in reading order: [`place`], [`runtime`], [`process`], [`name`].
#![forbid(unsafe_code)]

pub mod name;
pub mod place;
pub mod process;
mod reason;
pub mod runtime;
mod warning;

pub use name::{Line, LocalSymbolizer, NameOptions, Named, RawAddresses, Symbolize};
pub use place::{FileId, Jit, MappedFile, Place, Segment};
pub use process::{
    CodeMemory, CodeOf, CodeRange, Event, EventKind, Held, Identity, ProcessTable, Space,
};
pub use reason::Reason;
pub use runtime::Runtime;
pub use warning::Warning;

//! From an address to frames: the file of an address while its process lives, and its names afterwards.
//!
//! The crate has two halves, joined by [`Place`]. The [`ProcessTable`] follows processes, mappings and files through
//! [`Event`]s in the order of their time, and returns the place of an address *now* ([`ProcessTable::locate`]). A
//! [`Symbolize`] names places after the recording.
//!
//! To use it: announce a window's events, and apply every event before you locate an address of a later time. Locate
//! each new stack once, while its process may still live.
//!
//! Files are opened when they are first seen, so that a process that has ended is still named. Each file is checked to
//! be the one that was mapped. All reads are bounded. One foreign file never makes the crate fail: an unknown fact is
//! data, a [`Reason`]. The crate knows nothing of samples, profiles and BPF.
//!
//! Modules in reading order: [`place`], [`runtime`], [`opening`] (files that others named), [`process`], [`name`], [`serve`] (the parsers of
//! what strangers made, for a process without rights).
#![forbid(unsafe_code)]

pub mod foreign;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod go_table;
pub mod name;
pub mod opening;
pub mod place;
pub mod process;
mod reason;
pub mod runtime;
pub mod serve;
mod shares;
mod stream;
mod warning;

pub use go_table::{go_table, stated_text};
pub use name::{Line, LocalSymbolizer, NameOptions, Named, RawAddresses, Symbolize};
pub use place::{Check, FileId, Jit, MappedFile, Place, Segment};
pub use process::{
    CodeMemory, CodeOf, CodeRange, Event, EventKind, Held, Identity, ProcessTable, Space, Unread,
    names_process,
};
pub use reason::Reason;
pub use runtime::Runtime;
pub use shares::Shares;
pub use warning::Warning;

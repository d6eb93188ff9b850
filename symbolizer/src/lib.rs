//! From an address to frames: which file an address lies in while its process lives, and its names
//! afterwards.
//!
//! *What it is.* Two halves joined by [`Place`]. The [`ProcessTable`] follows processes, mappings and
//! files through [`Event`]s in the order of their time, and tells where an address lies *now*
//! ([`ProcessTable::locate`]). A [`Symbolize`] gives names to places after the recording. *What you must
//! do.* Announce a window's events, then apply every event before you locate an address of a later time;
//! locate each new stack once, while its process may still live. *What it does.* Opens files at first sight, so that a process that is gone
//! is still named; checks that a file is the one that was mapped; bounds all it reads. *What it is not.*
//! It knows nothing of samples, profiles and BPF, and never fails over one foreign file: not knowing is
//! data, [`Reason`].
//!
//! Modules in reading order: [`place`], [`process`], [`name`].
#![forbid(unsafe_code)]

pub mod name;
pub mod place;
pub mod process;
mod warning;

pub use name::{Line, LocalSymbolizer, NameOptions, Named, RawAddresses, Symbolize};
pub use place::{FileId, Jit, MappedFile, Place, Reason, Runtime, Segment};
pub use process::{CodeMemory, CodeOf, CodeRange, Event, EventKind, Identity, ProcessTable, Space};
pub use warning::Warning;

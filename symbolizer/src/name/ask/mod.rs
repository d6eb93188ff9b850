//! Questions about what strangers made: files, perf maps, memory. Who parses it may be another process, without rights.
//!
//! Modules in reading order: [`Question`], [`Answer`] and the two traits here, [`files`] (further files for a question), `debuginfod` and
//! `download`; then the other process: `message` (its messages), `parts` (their number), `stream` (how they travel), [`namer`] (the side that asks).

mod debuginfod;
#[cfg_attr(not(feature = "debuginfod"), path = "download/left_out.rs")]
mod download;
pub mod files;
mod limits;
pub(crate) mod message;
pub mod namer;
mod parts;

pub(crate) use debuginfod::Debuginfod;

use super::{Named, Texts, Usage};
use crate::place::{MappedFile, Reason};
use crate::runtime::{Code, Object, Remains, Runtime};
use std::fmt::Debug;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// The functions at sorted virtual addresses of an opened file.
    File {
        /// The file.
        file: &'a MappedFile,
        /// The addresses, each once.
        addresses: &'a [u64],
        /// Whether inlined functions are left out.
        no_inline: bool,
        /// Whether DWARF is read.
        dwarf: bool,
    },
    /// The names in a perf map of sorted run-time addresses.
    Map {
        /// The opened map.
        map: &'a File,
        /// The addresses, each once.
        addresses: &'a [u64],
    },
    /// The names of sorted offsets in a vDSO.
    Vdso {
        /// All its bytes.
        bytes: &'a [u8],
        /// The offsets, each once.
        addresses: &'a [u64],
    },
    /// The functions of an interpreter's sorted objects.
    Objects {
        /// The process that runs them.
        of: Runs<'a>,
        /// The objects, each once.
        objects: &'a [Object],
        /// What remains of them, in their order; it may end before them.
        remains: &'a [Option<Arc<Remains>>],
    },
    /// The functions at sorted addresses in code that a runtime made.
    Code {
        /// The process that runs it.
        of: Runs<'a>,
        /// The addresses, each once for each piece of code that was there.
        code: &'a [Code],
    },
}

/// A process that runs a runtime.
#[derive(Clone, Copy, Debug)]
pub struct Runs<'a> {
    /// The number of the runtime.
    pub runtime: u8,
    /// The memory of the process; `None` if it has ended.
    pub memory: Option<&'a File>,
    /// The address in this memory of the ELF header of the runtime's file; 0 if it is not known.
    pub image: u64,
    /// That file, for a process that has ended.
    pub file: Option<&'a File>,
}

impl Question<'_> {
    /// How many names are asked for.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::File { addresses, .. }
            | Self::Map { addresses, .. }
            | Self::Vdso { addresses, .. } => addresses.len(),
            Self::Code { code, .. } => code.len(),
            Self::Objects { objects, .. } => objects.len(),
        }
    }

    /// The file, map or memory that is read.
    pub(crate) fn file(&self) -> Option<&File> {
        match self {
            Self::File { file, .. } => file.handle.as_deref(),
            Self::Map { map, .. } => Some(map),
            Self::Vdso { .. } => None,
            Self::Objects { of, .. } | Self::Code { of, .. } => of.memory.or(of.file),
        }
    }

    /// The module of its names, as in [`Named::module`].
    pub(crate) fn module(&self) -> &'static str {
        match self {
            Self::File { .. } => "",
            Self::Map { .. } | Self::Code { .. } => "[jit]",
            Self::Vdso { .. } => "[vdso]",
            Self::Objects { of, .. } => {
                Runtime::of_number(of.runtime).map_or("[interpreted]", Runtime::module)
            }
        }
    }
}

/// The names for a question, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// One for each address or object.
    pub named: Vec<Named>,
    /// The defects that were found, as in "DWARF is malformed".
    pub warnings: Vec<String>,
    /// Whether names are missing or poorer because time ran out or a server failed. Another attempt may find more.
    pub cut_short: bool,
    /// How many names were cut, because they are too long or too many.
    pub shortened: u64,
}

impl Answer {
    /// No names at all, and why.
    pub(crate) fn nameless(question: &Question<'_>, reason: Reason) -> Self {
        let named = vec![Named::nameless(question.module(), reason); question.len()];
        Self { named, ..Self::default() }
    }
}

/// A further file that a question about a file needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// The debug file with the file's build ID, below the root of its process (`foreign`) or in this machine's directories.
    BuildId {
        /// Whether to look below the process's root.
        foreign: bool,
    },
    /// The file of a debug link, at one of its possible places, from 0.
    Link {
        /// Whether to look below the process's root.
        foreign: bool,
        /// The number of the place.
        place: u32,
        /// The file's name, without a directory.
        name: Vec<u8>,
    },
    /// The debug file with the file's build ID from a server.
    Server,
}

/// Opens further files, by its own rules.
pub trait Files {
    /// The file; `None` if there is none, or it may not be opened.
    ///
    /// # Errors
    /// A server failed. It may have the file.
    fn open(&mut self, want: &Want) -> Result<Option<File>, &'static str>;
}

/// Who names what strangers made.
pub trait Answers: Debug {
    /// The answer to a question, within a time. It never fails: an unknown name has its reason.
    fn answer(
        &mut self,
        question: &Question<'_>,
        files: &mut dyn Files,
        texts: &mut Texts,
        time: Duration,
    ) -> Answer;

    /// Begins a new cut.
    fn begin_cut(&mut self) {}

    /// Its own usage so far, where it is another process.
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

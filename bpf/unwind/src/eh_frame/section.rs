//! A section of unwind rules, and what came out of it.

use crate::table::Source;
use gimli::{BaseAddresses, EndianSlice, LittleEndian};

pub(super) type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The kind of the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// `.eh_frame`.
    Eh,
    /// `.debug_frame`.
    Debug,
}

/// A section of unwind rules.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    /// The kind of the section.
    pub kind: FrameKind,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its virtual address.
    pub address: u64,
    /// The virtual address of `.text`, which entries may count from; 0 where not known.
    pub text: u64,
    /// The virtual address of `.got`, which entries may count from; 0 where not known.
    pub got: u64,
}

/// The result of reading a section.
#[derive(Debug)]
pub struct FrameRules {
    /// Its rules.
    pub source: Source,
    /// The numbers of entries that were read, and that could not be read.
    pub figures: Figures,
}

/// The numbers of entries that were read, and that could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Function entries whose rules were read.
    pub read: u64,
    /// Function entries outside the code.
    pub elsewhere: u64,
    /// Function entries that are malformed, as a whole or from some instruction on.
    pub malformed: u64,
    /// Bytes of code whose rules cannot say where the frame pointer was saved.
    pub lost_frame_pointer: u64,
    /// The first error.
    pub wrong: Option<gimli::Error>,
    /// Why reading stopped before the section's end.
    pub stopped: Option<Stopped>,
}

/// Why reading stopped before the section's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stopped {
    /// More rows than a source holds.
    TooManyRows,
    /// More instructions than the section's bytes account for.
    TooMuchWork,
    /// An entry whose length reaches beyond the section.
    CutOff,
}

impl<'a> Frames<'a> {
    /// `.eh_frame` from its bytes and its virtual address.
    pub fn eh(bytes: &'a [u8], address: u64) -> Self {
        Self { kind: FrameKind::Eh, bytes, address, text: 0, got: 0 }
    }

    /// `.debug_frame` from its bytes, decompressed.
    pub fn debug(bytes: &'a [u8]) -> Self {
        Self { kind: FrameKind::Debug, bytes, address: 0, text: 0, got: 0 }
    }

    /// The addresses that entries count from.
    pub(super) fn bases(&self) -> BaseAddresses {
        BaseAddresses::default().set_eh_frame(self.address).set_text(self.text).set_got(self.got)
    }
}

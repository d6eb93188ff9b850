//! Defects of a file.

use std::fmt;

/// A defect of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It cannot be read.
    Unreadable,
    /// It does not begin as an ELF file does.
    NotElf,
    /// It is of another class or byte order than is read here.
    Unsupported,
    /// It ends within its header.
    CutOff,
    /// It is larger than [`MAX_FILE`](crate::MAX_FILE).
    TooLarge,
    /// The header's account of the section table cannot be right.
    SectionTable,
    /// The section table cannot be read.
    SectionTableUnreadable,
    /// The names of the sections cannot be read.
    SectionNames,
    /// The header's account of the program headers cannot be right, or they are cut off.
    SegmentTable,
}

impl Error {
    /// A short phrase for the reader, as in "it is not an ELF file".
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Unreadable => "the file is not readable",
            Self::NotElf => "it is not an ELF file",
            Self::Unsupported => "ELF class or byte order is not supported",
            Self::CutOff => "the ELF header is cut off",
            Self::TooLarge => "the file is over 4 GiB",
            Self::SectionTable => "the section table is malformed",
            Self::SectionTableUnreadable => "the section table is not readable",
            Self::SectionNames => "the section names are not readable",
            Self::SegmentTable => "the program headers are malformed",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phrase())
    }
}

impl std::error::Error for Error {}

//! Errors of profiles and of names.

use std::{fmt, io};

/// The reason why a profile can't be read, checked, drawn or sent, or why a name is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no sample with a value above zero.
    Empty,
    /// An index of the profile points outside its table, or a sample's values do not fit its types.
    Invalid(String),
    /// The bytes are not a pprof file, or a damaged one.
    Malformed(String),
    /// The bytes would need more memory than allowed.
    TooLarge(String),
    /// A backend would refuse the profile.
    Unsendable(String),
    /// No format has the name.
    UnknownFormat(String),
    /// No palette has the name.
    UnknownColors(String),
    /// No order of a table has the name.
    UnknownSort(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the profile has no samples"),
            Self::Invalid(what) => write!(f, "the profile is inconsistent: {what}"),
            Self::Malformed(what) => write!(f, "not a readable pprof file: {what}"),
            Self::TooLarge(what) => write!(f, "the profile is too large: {what}"),
            Self::Unsendable(what)
            | Self::UnknownFormat(what)
            | Self::UnknownColors(what)
            | Self::UnknownSort(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

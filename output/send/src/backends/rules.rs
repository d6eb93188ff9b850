//! The differences between backends.

use crate::exchange::Exchange;
use crate::{Part, Series};
use output::lean::Lean;
use output::{Error, Profile};

/// The differences between backends.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Its requests, and the meaning of its answers.
    pub(crate) exchange: Exchange,
    /// Makes a profile's parts.
    pub(crate) parts: fn(Lean, &Series) -> Result<Vec<Part>, Error>,
    /// The reason why the backend would refuse a profile because of its time. The second argument is the present, in nanoseconds since
    /// 1970.
    pub(crate) stale: fn(&Profile, i64) -> Option<String>,
}

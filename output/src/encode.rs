//! One encoder a format.

use crate::Profile;
use std::io::{self, Write};

/// Turns a profile into bytes of one format. Pure and deterministic: the same profile, the same bytes.
pub trait Encode {
    /// Writes the profile.
    ///
    /// # Errors
    /// What writing to `to` gave.
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()>;
}

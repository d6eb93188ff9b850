//! Results on standard output.

use crate::host::exit::{Failure, Kind};
use std::io::{self, Write};

/// Prints a text. A reader that stops early, such as `head`, is no failure.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn print(text: &[u8]) -> Result<(), Failure> {
    let mut to = io::stdout().lock();
    match to.write_all(text).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Kind::Failed, format!("writing to standard output failed: {error}")))
        }
        _ => Ok(()),
    }
}

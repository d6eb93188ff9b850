//! In place of completions and manual pages, in a build without them.

use crate::cli::args::Shell;
use crate::cli::left_out::left_out;
use crate::host::exit::Failure;

/// Says that completions are left out.
pub(crate) fn completions(_shell: Shell) -> Result<(), Failure> {
    Err(left_out("`bpflame completions`"))
}

/// Says that manual pages are left out.
pub(crate) fn man(_subcommand: Option<&str>) -> Result<(), Failure> {
    Err(left_out("`bpflame man`"))
}

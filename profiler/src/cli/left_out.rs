//! The error for commands and options that this build leaves out, because a default feature is switched off.

use crate::host::exit::{Failure, Kind};

/// The error for a command or an option that is left out, with the command that builds it.
pub(crate) fn left_out(what: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{what} is left out of this build"))
        .cure("`cargo build --release -p profiler` builds all of bpflame")
}

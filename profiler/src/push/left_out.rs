//! In place of sending, in a build without it: what asks for it is told so.

use crate::cli::args::PushArgs;
use crate::cli::left_out::left_out;
use crate::host::console::Console;
use crate::host::exit::Failure;

/// Nobody to send to.
#[derive(Clone, Copy, Debug)]
pub enum Push {}

impl Push {
    /// Nothing where no URL was.
    ///
    /// # Errors
    /// Of kind [`Kind::Usage`](crate::host::exit::Kind::Usage) where one was.
    pub(crate) fn new(args: &PushArgs, _console: Console) -> Result<Option<Self>, Failure> {
        if args.push.is_empty() { Ok(None) } else { Err(left_out("--push")) }
    }
}

/// In place of `bpflame upload`.
pub(crate) mod upload {
    use super::{Failure, left_out};
    use crate::cli::args::UploadArgs;

    /// Says that it is left out.
    pub(crate) fn run(_args: UploadArgs) -> Result<(), Failure> {
        Err(left_out("`bpflame upload`"))
    }
}

/// In place of sending what was recorded.
pub(crate) mod recorded {
    use super::{Failure, Push};
    use crate::cli::config::Config;
    use crate::host::stop::Stop;
    use crate::target::resolved::ResolvedTarget;
    use crate::tell::stats::Object;
    use output::Profile;
    use std::path::PathBuf;

    /// The result: nothing was sent.
    #[derive(Debug)]
    pub(crate) struct Sent {
        /// Never an error.
        pub told: Result<(), Failure>,
    }

    impl Sent {
        /// No receiver.
        pub(crate) fn figures(&self) -> Vec<Object> {
            Vec::new()
        }
    }

    /// A recording, which nobody gets.
    #[derive(Clone, Copy, Debug)]
    #[expect(dead_code, reason = "the session fills it in any build")]
    pub(crate) struct Finished<'a> {
        /// Its profile.
        pub profile: &'a Profile,
        /// The target of the recording.
        pub target: &'a ResolvedTarget,
        /// The files that were written.
        pub files: &'a [PathBuf],
    }

    impl Finished<'_> {
        /// Sends nothing.
        pub(crate) fn send(self, push: Option<&Push>, _config: &Config, _stop: &Stop) -> Sent {
            match push {
                Some(nobody) => match *nobody {},
                None => Sent { told: Ok(()) },
            }
        }
    }
}

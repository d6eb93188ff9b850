//! Stands in for sending in a build without it. A command that asks for it fails and says so.

use crate::cli::args::PushArgs;
use crate::cli::left_out::left_out;
use crate::host::console::Console;
use crate::host::exit::Failure;

/// No receivers: this type has no values.
#[derive(Clone, Copy, Debug)]
pub enum Push {}

impl Push {
    /// `None` if no URL was given.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::host::exit::Kind::Usage) if one was given.
    pub(crate) fn new(args: &PushArgs, _console: Console) -> Result<Option<Self>, Failure> {
        if args.push.is_empty() { Ok(None) } else { Err(left_out("--push")) }
    }
}

/// Stands in for `bpflame upload`.
pub(crate) mod upload {
    use super::{Failure, left_out};
    use crate::cli::args::UploadArgs;

    /// Fails: this build has no `upload`.
    pub(crate) fn run(_args: UploadArgs) -> Result<(), Failure> {
        Err(left_out("`bpflame upload`"))
    }
}

/// Stands in for sending a recording.
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
        /// Always `Ok`.
        pub told: Result<(), Failure>,
    }

    impl Sent {
        /// An empty list.
        pub(crate) fn figures(&self) -> Vec<Object> {
            Vec::new()
        }
    }

    /// A recording that is not sent.
    #[derive(Clone, Copy, Debug)]
    #[expect(dead_code, reason = "the session fills it in any build")]
    pub(crate) struct Finished<'a> {
        /// The profile of the recording.
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

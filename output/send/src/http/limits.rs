//! The time limits of an attempt.

use std::time::Duration;

/// The time to look up a name, and again the time to connect, including a proxy and TLS.
const CONNECT: Duration = Duration::from_secs(5);

/// The time limits of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From its start to the end of the answer.
    pub(super) whole: Duration,
    /// To look up a name, and again to connect.
    pub(super) connect: Duration,
}

impl Limits {
    /// The limits of an attempt that may take this long.
    pub(super) fn within(whole: Duration) -> Self {
        Self { whole, connect: whole.min(CONNECT) }
    }
}

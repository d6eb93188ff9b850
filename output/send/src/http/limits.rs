//! The time limits of an attempt.

use std::time::Duration;

/// Time to find a name, and time to connect, to a proxy and with TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// The time limits of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From its start to the end of the answer.
    pub(super) whole: Duration,
    /// To find a name, and again to connect.
    pub(super) connect: Duration,
}

impl Limits {
    /// Those of an attempt that may take this long.
    pub(super) fn within(whole: Duration) -> Self {
        Self { whole, connect: whole.min(CONNECT) }
    }
}

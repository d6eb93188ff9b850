//! The limit of open descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A budget of open files.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    used: usize,
    limit: Option<usize>,
    /// Whether the limit is fixed, because it is not that of this process.
    fixed: bool,
}

impl Descriptors {
    const MOST: u64 = 65_536;
    /// The descriptors for events, maps, pipes and the symbolizer.
    const REST: u64 = 1024;

    /// Whether one more file may be kept open. The soft limit is raised only when it is reached, so that a command that was started before
    /// does not inherit the raised one.
    pub(crate) fn room(&mut self) -> bool {
        let limit =
            *self.limit.get_or_insert_with(|| Self::budget(getrlimit(Resource::Nofile).current));
        self.used < limit || self.raised().is_some_and(|limit| self.used < limit)
    }

    fn raised(&mut self) -> Option<usize> {
        let limits = Some(getrlimit(Resource::Nofile)).filter(|_| !self.fixed)?;
        let wanted = limits.maximum.unwrap_or(Self::MOST).min(Self::MOST);
        if limits.current? >= wanted {
            return None;
        }
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limits.maximum })
            .ok()?;
        self.limit = Some(Self::budget(Some(wanted)));
        self.limit
    }

    fn budget(soft: Option<u64>) -> usize {
        let soft = soft.unwrap_or(u64::MAX).min(Self::MOST);
        soft.saturating_sub(Self::REST).max(soft / 2) as usize
    }

    /// Notes that a file was opened and is kept.
    pub(crate) fn opened(&mut self) {
        self.used += 1;
    }

    /// Notes that a file was closed.
    pub(crate) fn closed(&mut self) {
        self.used = self.used.saturating_sub(1);
    }

    /// The number of open files.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// A budget of this many files.
    #[cfg(test)]
    pub(crate) fn exactly(limit: usize) -> Self {
        Self { used: 0, limit: Some(limit), fixed: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_room_for_the_rest() {
        assert_eq!(Descriptors::budget(Some(1024)), 512);
        assert_eq!(Descriptors::budget(Some(20_000)), 18_976);
        assert_eq!(Descriptors::budget(None), 64_512);
    }
}

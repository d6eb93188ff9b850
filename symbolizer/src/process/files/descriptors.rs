//! The limit of open descriptors.

use crate::shares::Shares;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A budget of open files.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    /// The files of each process.
    used: Shares,
    limit: Option<usize>,
    /// Whether the limit is fixed, because it is not that of this process.
    fixed: bool,
}

impl Descriptors {
    const MOST: u64 = 65_536;
    /// The descriptors for events, maps, pipes and the symbolizer.
    const REST: u64 = 1024;

    /// Whether one more file of a process may be kept open. The soft limit is raised only when it is reached, so that a command that was
    /// started before does not inherit the raised one.
    pub(crate) fn room(&mut self, pid: u32) -> bool {
        let limit =
            *self.limit.get_or_insert_with(|| Self::budget(getrlimit(Resource::Nofile).current));
        self.used.room(pid, limit) > 0
            || self.raised().is_some_and(|limit| self.used.room(pid, limit) > 0)
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

    /// Notes that a file of a process was opened and is kept.
    pub(crate) fn opened(&mut self, pid: u32) {
        self.used.take(pid, 1);
    }

    /// Notes that a file of a process was closed.
    pub(crate) fn closed(&mut self, pid: u32) {
        self.used.give(pid, 1);
    }

    /// The number of open files.
    pub(crate) fn used(&self) -> usize {
        self.used.all()
    }

    /// A budget of this many files.
    #[cfg(test)]
    pub(crate) fn exactly(limit: usize) -> Self {
        Self { used: Shares::default(), limit: Some(limit), fixed: true }
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

//! Reads the running processes, at the start of a recording of the whole machine.

use super::state::ProcessTable;
use crate::process::space::story::Story;
use std::time::{Duration, Instant};

/// The most processes that are read.
const MOST: usize = 10_000;

/// The running processes that are still to be read, by their pids.
#[derive(Debug, Default)]
pub struct Unread(Vec<u32>);

impl Unread {
    /// The processes that run now; the 10,000 with the highest pids, if there are more.
    pub fn running() -> Self {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Self::default() };
        let pids = entries.map_while(Result::ok);
        let mut pids: Vec<u32> =
            pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable();
        drop(pids.drain(..pids.len().saturating_sub(MOST)));
        Self(pids)
    }

    /// Whether all were read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ProcessTable {
    /// Reads those of these processes that were not read yet, the latest pid first, until `budget` is used up. One process may exceed the
    /// budget. Call this right after the events have begun: then a process that existed before has names even if its first sample comes
    /// with its end.
    pub fn read_some(&mut self, unread: &mut Unread, budget: Duration) {
        let began = Instant::now();
        while began.elapsed() < budget
            && let Some(pid) = unread.0.pop()
        {
            let index = self.current_or_unread(pid);
            if self.images[index].story == Story::Unread {
                self.ensure_read(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;
    use crate::process::tests::{Running, event, identity_of, mapping_event, start_of};
    use crate::process::{EventKind, ProcessTable};

    fn waiting() -> Running {
        Running::shell("echo ready; read line")
    }

    #[test]
    fn a_process_that_ends_with_its_first_sample_has_its_mappings() {
        let mut running = waiting();
        let pid = running.pid();
        let (who, libc) = (identity_of(pid), start_of(&mapping_event(1, pid, "libc")));
        let mut table = ProcessTable::new();
        let mut unread = Unread::running();
        table.read_some(&mut unread, Duration::MAX);
        assert!(unread.is_empty());
        assert!(!table.process(std::process::id()).unwrap().files.is_empty());
        running.end();
        table.apply(&event(2, pid, EventKind::Exit));
        let space = table.space(who, 1);
        assert_eq!(table.name(space), b"sh");
        assert!(matches!(table.locate(space, libc), Place::File { .. }));
    }

    #[test]
    fn it_is_bounded_in_time_and_goes_on_where_it_stopped() {
        let running = [waiting(), waiting(), waiting()];
        let pids = || running.iter().map(Running::pid);
        let mut unread = Unread(pids().collect());
        let mut table = ProcessTable::new();
        table.read_some(&mut unread, Duration::ZERO);
        assert!(table.spaces().next().is_none() && unread.0.len() == 3);
        // The least budget is enough for one process at most.
        let mut steps = 0;
        while !unread.is_empty() {
            table.read_some(&mut unread, Duration::from_nanos(1_000));
            steps += 1;
        }
        assert!(steps >= 3, "{steps}");
        // All three run the same program.
        assert!(pids().all(|pid| !table.process(pid).unwrap().files.is_empty()));
        let files = table.files().count();
        table.read_some(&mut Unread(pids().collect()), Duration::MAX);
        assert_eq!(table.files().count(), files);
    }

    #[test]
    fn all_that_run_are_to_be_read() {
        let running = waiting();
        assert!(Unread::running().0.contains(&running.pid()));
    }
}

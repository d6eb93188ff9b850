//! Reads all running processes once, at the start of a recording of the whole machine.

use super::state::ProcessTable;
use crate::process::space::story::Story;
use std::time::{Duration, Instant};

/// The most processes that are read.
const MOST: usize = 2_000;

impl ProcessTable {
    /// Reads the running processes that were not read yet, the latest pid first, until `budget` is used up or 2,000 were read. Returns
    /// their number. One process may exceed the budget. Call this once, right after the events have begun: then a process that existed
    /// before has names even if its first sample comes with its end.
    pub fn read_all(&mut self, budget: Duration) -> usize {
        let began = Instant::now();
        let in_time = || began.elapsed() < budget;
        if !self.live {
            return 0;
        }
        let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
        let pids = entries.map_while(Result::ok).take_while(|_| in_time());
        let mut pids: Vec<u32> =
            pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable();
        self.sweep(pids.into_iter().rev().take_while(|_| in_time()), MOST)
    }

    /// Reads those of `pids` that were not read yet, at most `most` of them.
    fn sweep(&mut self, pids: impl Iterator<Item = u32>, most: usize) -> usize {
        let mut read = 0;
        for pid in pids {
            if read == most {
                break;
            }
            let index = self.current_or_unread(pid);
            if self.images[index].story == Story::Unread {
                self.ensure_read(index);
                read += 1;
            }
        }
        read
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
        assert!(table.read_all(Duration::MAX) >= 2);
        assert!(!table.process(std::process::id()).unwrap().files.is_empty());
        running.end();
        table.apply(&event(2, pid, EventKind::Exit));
        let space = table.space(who, 1);
        assert_eq!(table.name(space), b"sh");
        assert!(matches!(table.locate(space, libc), Place::File { .. }));
    }

    #[test]
    fn it_is_bounded_in_time_and_count_and_reads_each_once() {
        let running = [waiting(), waiting(), waiting()];
        let pids = || running.iter().map(Running::pid);
        let mut table = ProcessTable::new();
        assert_eq!(table.read_all(Duration::ZERO), 0);
        assert_eq!(ProcessTable::without_proc().read_all(Duration::MAX), 0);
        assert!(table.spaces().next().is_none());
        assert_eq!(table.sweep(pids(), 2), 2);
        let known = pids().map(|pid| table.process(pid).is_some());
        assert_eq!(known.collect::<Vec<_>>(), [true, true, false]);
        let files = table.files().count();
        assert_eq!(table.sweep(pids(), 2), 1);
        assert_eq!(table.sweep(pids(), 2), 0);
        // All three run the same program.
        assert_eq!(table.files().count(), files);
        assert!(pids().all(|pid| !table.process(pid).unwrap().files.is_empty()));
    }
}

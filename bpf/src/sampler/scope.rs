//! The tasks whose side-band records matter.

use super::settings::Target;
use crate::sample::{SideBand, SideBandKind};
use std::collections::HashSet;

/// The processes whose side-band records are kept. For threads their processes are unknown, so all records are kept.
#[derive(Debug)]
pub(crate) struct Scope {
    processes: Option<HashSet<u32>>,
}

impl Scope {
    pub(crate) fn new(target: &Target) -> Self {
        let processes = match target {
            Target::Processes(list) => Some(list.iter().copied().collect()),
            Target::Machine | Target::Threads(_) => None,
        };
        Self { processes }
    }

    /// Adds processes to the target.
    pub(crate) fn add(&mut self, ids: &[u32]) {
        if let Some(processes) = &mut self.processes {
            processes.extend(ids);
        }
    }

    /// Whether a record is of interest. A child of the target belongs to it from its birth on.
    pub(crate) fn wants(&mut self, record: &SideBand) -> bool {
        let Some(processes) = &mut self.processes else { return true };
        match record.kind {
            SideBandKind::Fork { parent_pid, .. } if parent_pid != record.pid => {
                if processes.contains(&parent_pid) {
                    processes.insert(record.pid);
                } else {
                    // A process that is no child of the target uses the id again.
                    processes.remove(&record.pid);
                }
                processes.contains(&record.pid)
            }
            _ => processes.contains(&record.pid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fork(parent_pid: u32, pid: u32) -> SideBand {
        SideBand {
            time: 0,
            pid,
            tid: pid,
            kind: SideBandKind::Fork { parent_pid, parent_tid: parent_pid },
        }
    }

    #[test]
    fn children_belong_and_strangers_with_their_numbers_do_not() {
        let mut scope = Scope::new(&Target::Processes(vec![10]));
        assert!(scope.wants(&fork(10, 11)));
        assert!(scope.wants(&SideBand { time: 1, pid: 11, tid: 11, kind: SideBandKind::Exit }));
        assert!(!scope.wants(&fork(5, 11)));
        assert!(!scope.wants(&SideBand { time: 2, pid: 11, tid: 11, kind: SideBandKind::Exit }));
        assert!(Scope::new(&Target::Machine).wants(&fork(5, 6)));
    }
}

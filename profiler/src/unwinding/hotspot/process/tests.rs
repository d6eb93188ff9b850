//! Readings of a process, and how they are paced.

use super::super::tests::{machine, machinery};
use super::*;
use std::fs::File;
use symbolizer::FileId;

/// This test's own process, as if it were a virtual machine.
pub(in crate::unwinding::hotspot) fn process() -> Process {
    let mut table = ProcessTable::new();
    table.read(std::process::id());
    let code = table.code().next().unwrap();
    Process::new(1, &code, Library { file: FileId(0), bias: 0 })
}

impl Process {
    pub(in crate::unwinding::hotspot) fn be_foreign(&mut self) {
        let reading = self.reading.take().unwrap();
        let (machine, took, read) = (None, Duration::ZERO, None);
        self.take(Done { number: 1, machine, reading, took, read, foreign: true });
        assert!(!self.is_due());
    }
}

/// A reading that takes this long.
pub(in crate::unwinding::hotspot) fn read(process: &mut Process, took: Duration) -> Option<Table> {
    let made = machinery();
    let memory = made.memory();
    let machine = machine(&made, &memory).unwrap();
    let mut reading = process.reading.take().unwrap();
    let read = reading.again(&machine, &memory, true);
    let machine = Some(Arc::new(machine));
    process.take(Done { number: 1, machine, reading, took, read, foreign: false })
}

#[test]
fn readings_under_way_have_their_share_of_the_rows() {
    let (mut rows, mut all) = (Shares::default(), Vec::new());
    let mut worker = Workers::start("tested", 1, |job: Job| job.run(true)).unwrap();
    for pid in 1..=20 {
        let mut process = process();
        let open = || File::open("/proc/self/exe").unwrap();
        let [memory, beside] =
            ProcessTable::new().far_memory(std::process::id()).unwrap().map(Arc::new);
        process.opened = Some(Opened { memory, beside, library: Arc::new(open()) });
        process.code.pid = pid;
        process.read(&mut worker, &ProcessTable::new(), &mut rows);
        all.push(rows.of(pid));
    }
    assert_eq!(all[0], MOST_MORE);
    assert!(all.iter().all(|rows| *rows > 0) && rows.all() <= MOST_ROWS, "{all:?}");
}

#[test]
fn what_was_read_is_looked_at_ahead_and_the_rest_is_as_long_as_the_work() {
    let mut process = process();
    let begin = Instant::now();
    assert!(!process.is_sampled());
    process.sampled = true;
    assert!(!process.is_sampled(), "it was never read");
    assert!(read(&mut process, Duration::from_secs(10)).is_some());
    assert!(process.is_sampled());
    assert!(read(&mut process, Duration::from_secs(10)).is_some(), "there was no room");
    assert!(process.next >= begin + Duration::from_secs(250));
}

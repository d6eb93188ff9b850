//! Processes that change their program between a sample and the reading of their maps.

use super::{Running, exec, fork, identity, identity_of, mapping_event, wait_for_program};
use crate::place::{Place, Reason};
use crate::process::space::hindsight::monotonic;
use crate::process::{Event, Identity, ProcessTable, Space};
use std::io::Write;

/// A shell that became another program, which still runs.
struct Changed {
    running: Running,
    /// When it was sampled as the shell.
    sampled: u64,
    /// The change, as an event.
    exec: Event,
    /// The new program's code, as an event, and an address in it.
    mapping: Event,
    address: u64,
}

impl Changed {
    fn new() -> Self {
        let mut running = Running::shell("echo ready; read line; exec cat");
        let pid = running.pid();
        let sampled = monotonic();
        let exec = exec(monotonic(), pid, "cat");
        running.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        wait_for_program(pid, "cat");
        let mapping = mapping_event(exec.time + 1, pid, "/cat");
        let address = super::start_of(&mapping);
        Self { running, sampled, exec, mapping, address }
    }

    fn before(&self) -> Identity {
        identity_of(self.running.pid())
    }

    fn after(&self) -> Identity {
        Identity { exec: 2, ..self.before() }
    }

    /// The events come, and the new program is found.
    fn is_told_to(&self, table: &mut ProcessTable) {
        table.apply(&self.exec);
        table.apply(&self.mapping);
        let space = table.space(self.after(), monotonic());
        assert_eq!(table.name(space), b"cat");
        assert!(matches!(table.locate(space, self.address), Place::File { .. }));
    }
}

fn is_gone(table: &mut ProcessTable, space: Space, address: u64) -> bool {
    table.locate(space, address) == Place::Unknown { address, reason: Reason::ProcessGone }
}

#[test]
fn maps_that_an_exec_before_the_reading_spoilt_are_taken_back() {
    let changed = Changed::new();
    let mut table = ProcessTable::new();
    let spoilt = table.space(changed.before(), changed.sampled);
    // Nothing tells it yet.
    assert!(matches!(table.locate(spoilt, changed.address), Place::File { .. }));
    table.space(changed.before(), changed.sampled);
    assert_eq!((table.misplaced(), table.warnings().len()), (0, 0));
    changed.is_told_to(&mut table);
    let late = table.space(changed.before(), changed.sampled);
    assert_eq!(late.index, spoilt.index);
    assert_ne!(late.epoch, spoilt.epoch);
    assert!(is_gone(&mut table, late, changed.address));
    assert_eq!(table.name(late), b"");
    assert_eq!(table.misplaced(), 2);
    assert_eq!(table.warnings()[0].file, "2 samples");
}

#[test]
fn a_later_exec_counter_takes_them_back_too() {
    let changed = Changed::new();
    let mut table = ProcessTable::new();
    let spoilt = table.space(changed.before(), changed.sampled);
    let next = table.space(changed.after(), changed.exec.time);
    assert!(is_gone(&mut table, spoilt, changed.address));
    assert!(matches!(table.locate(next, changed.address), Place::File { .. }));
    assert_eq!(table.misplaced(), 1);
}

#[test]
fn an_announced_exec_keeps_the_maps_from_being_read() {
    let changed = Changed::new();
    let mut table = ProcessTable::new();
    table.announce(&changed.exec);
    table.announce(&changed.mapping);
    let before = table.space(changed.before(), changed.sampled);
    assert!(is_gone(&mut table, before, changed.address));
    changed.is_told_to(&mut table);
    assert!(is_gone(&mut table, before, changed.address));
    assert_eq!(table.space(changed.before(), changed.sampled), before);
    assert_eq!(table.misplaced(), 0);
    // The announced exec has come: the process is read again for an address that no event explains.
    let mut table = ProcessTable::new();
    table.announce(&changed.exec);
    table.apply(&changed.exec);
    let after = table.space(changed.after(), monotonic());
    assert!(matches!(table.locate(after, changed.address), Place::File { .. }));
}

#[test]
fn children_lose_what_their_parent_loses() {
    let changed = Changed::new();
    let gone = 1_999_999_997;
    let mut table = ProcessTable::new();
    table.apply(&fork(changed.sampled, gone, changed.running.pid()));
    let child = table.space(identity(gone, 77, 1), changed.sampled);
    assert!(matches!(table.locate(child, changed.address), Place::File { .. }));
    changed.is_told_to(&mut table);
    let child = table.space(identity(gone, 77, 1), changed.sampled);
    assert!(is_gone(&mut table, child, changed.address));
    assert_eq!(table.misplaced(), 1);
}

#[test]
fn what_was_read_before_the_exec_stays() {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let address = super::start_of(&mapping_event(1, pid, "libc"));
    let mut table = ProcessTable::new();
    let before = table.space(identity_of(pid), monotonic());
    let child = 1_999_999_996;
    table.apply(&fork(monotonic(), child, pid));
    table.apply(&exec(monotonic(), pid, "cat"));
    for space in [before, table.space(identity(child, 77, 1), monotonic())] {
        assert!(matches!(table.locate(space, address), Place::File { .. }));
    }
    assert_eq!(table.space(identity_of(pid), monotonic()), before);
    assert_eq!(table.name(before), b"sh");
    assert_eq!(table.misplaced(), 0);
}

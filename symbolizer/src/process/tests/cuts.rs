//! Tables that are used for ever: what they hold stays level.

use super::{event, exec, fork, identity};
use crate::place::{FileId, Place, Reason};
use crate::process::{Event, EventKind, Held, ProcessTable};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const NOBODY: fn(u32) -> bool = |_| false;
const NO_FILE: fn(FileId) -> bool = |_| false;

/// A mapping of a file that no other number has.
fn mapping(time: u64, pid: u32, number: u64) -> Event {
    let path = format!("/bin/program-{number}").into_bytes();
    let kind = EventKind::Mmap {
        start: 0x1_0000,
        len: 0x1000,
        offset: 0,
        device: (8, 1),
        inode: number,
        path,
    };
    event(time, pid, kind)
}

/// Processes of one cut that run programs of their own, are sampled, and end.
fn storm(table: &mut ProcessTable, cut: u64) {
    for round in 0..8 {
        let (number, time) = (cut * 8 + round, cut * 1000 + round * 100);
        let pid = 2 + (number % 30_000) as u32;
        table.apply(&fork(time, pid, 1));
        table.apply(&exec(time + 1, pid, "program"));
        table.apply(&mapping(time + 2, pid, number));
        let space = table.space(identity(pid, time, 1), time + 3);
        assert!(matches!(table.locate(space, 0x1_0010), Place::File { .. }));
        table.apply(&event(time + 4, pid, EventKind::Exit));
    }
}

#[test]
fn ten_thousand_cuts_of_a_storm_hold_no_more_than_a_few() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 1, "make"));
    let mut most = Held::default();
    for cut in 0..10_000 {
        storm(&mut table, cut);
        table.retire(NOBODY, NO_FILE);
        let held = table.held();
        if cut == 100 {
            most = held;
        }
        // Levels do not grow: neither lists nor what is behind them.
        if cut > 100 {
            assert!(
                (held.spaces, held.processes, held.files)
                    <= (most.spaces, most.processes, most.files),
                "cut {cut}: {held:?}, at first {most:?}"
            );
            assert!(held.bytes <= most.bytes + 1024, "cut {cut}: {held:?}, at first {most:?}");
        }
    }
    assert!(most.spaces <= 17 && most.files <= 40, "{most:?}");
    assert!(table.images.len() == most.spaces && table.spoilt.warnings().is_empty());
}

#[test]
fn what_a_session_still_needs_stays_and_no_number_is_given_twice() {
    let mut table = ProcessTable::without_proc();
    storm(&mut table, 0);
    let (kept, _) = table.files().next().unwrap();
    let space = table.space(identity(2, 0, 1), 900);
    for cut in 1..50 {
        storm(&mut table, cut);
        table.retire(|index| index == space.index, |file| file == kept);
    }
    assert_eq!(table.file(kept).unwrap().path, b"/bin/program-0");
    assert_eq!(table.name(space), b"program");
    assert_eq!(table.locate(space, 0x1_0010), Place::File { file: kept, address: 0x10 });
    // All others are new.
    assert!(table.files().all(|(file, _)| file == kept || file.0 > 300));
    table.retire(NOBODY, NO_FILE);
    table.retire(NOBODY, NO_FILE);
    assert_eq!(table.name(space), b"", "it is let go when nobody needs it");
    let nowhere = Place::Unknown { address: 0x1_0010, reason: Reason::NoMapping };
    assert_eq!(table.locate(space, 0x1_0010), nowhere);
}

#[test]
fn late_samples_of_the_next_cut_are_located() {
    let mut table = ProcessTable::without_proc();
    storm(&mut table, 0);
    table.retire(NOBODY, NO_FILE);
    // Its threads outlive the main one: as long as it is sampled, it stays.
    for cut in 1..10 {
        let space = table.space(identity(2, 0, 1), cut * 1000);
        assert!(matches!(table.locate(space, 0x1_0010), Place::File { .. }), "cut {cut}");
        table.retire(NOBODY, NO_FILE);
    }
}

#[test]
fn a_process_that_lives_loses_nothing() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 1, "make"));
    table.apply(&mapping(2, 1, 4));
    let first = table.space(identity(1, 0, 1), 3);
    for _ in 0..100 {
        table.retire(NOBODY, NO_FILE);
    }
    assert_eq!(table.space(identity(1, 0, 1), 4), first);
    assert!(matches!(table.locate(first, 0x1_0010), Place::File { .. }));
}

#[test]
fn the_end_of_a_process_may_be_among_what_was_lost() {
    let mut table = ProcessTable::new();
    // No process has such a number.
    table.apply(&exec(1, u32::MAX, "gone"));
    for _ in 0..3 {
        table.retire(NOBODY, NO_FILE);
    }
    assert_eq!(table.held().spaces, 1, "nobody said that it ended");
    table.apply(&event(2, 1, EventKind::Lost));
    for _ in 0..2 {
        table.retire(NOBODY, NO_FILE);
    }
    assert_eq!((table.held().spaces, table.held().processes), (0, 0));
}

/// A file that is open is closed with its last user.
#[test]
fn descriptors_stay_level() {
    let directory = tempfile::tempdir().unwrap();
    let program = std::fs::read("/bin/true").unwrap();
    let mut table = ProcessTable::new();
    let pid = std::process::id();
    let mut most = 0;
    for cut in 0..200 {
        let path = directory.path().join(format!("program-{cut}"));
        std::fs::write(&path, &program).unwrap();
        table.apply(&real_mapping(cut, pid, &path));
        std::fs::remove_file(&path).unwrap();
        table.retire(NOBODY, NO_FILE);
        let held = table.held();
        assert!(held.descriptors > 0, "files are open");
        if cut == 10 {
            most = held.descriptors;
        } else if cut > 10 {
            assert!(held.descriptors <= most, "cut {cut}: {held:?}, at first {most}");
        }
    }
}

/// A file mapped where the one before was, which ends that mapping.
fn real_mapping(time: u64, pid: u32, path: &Path) -> Event {
    use std::os::unix::ffi::OsStrExt;
    let meta = std::fs::metadata(path).unwrap();
    let device = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
    let kind = EventKind::Mmap {
        start: 0x1_0000,
        len: 0x1000,
        offset: 0,
        device,
        inode: meta.ino(),
        path: path.as_os_str().as_bytes().to_vec(),
    };
    event(time, pid, kind)
}

/// One use without a cut is as ever: numbers count up from 0.
#[test]
fn without_cuts_numbers_count_up() {
    let mut table = ProcessTable::without_proc();
    for cut in 0..10 {
        storm(&mut table, cut);
    }
    assert!(table.files().map(|(file, _)| file.0).eq(0..80));
    // A parent, and each time a fork and an exec.
    let first = table.space(identity(2, 0, 1), 10_000);
    let last = table.space(identity(2 + 79, 9700, 1), 10_000);
    assert!(first.index < last.index && last.index < 161, "{first:?} {last:?}");
}

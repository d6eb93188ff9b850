//! The process table with events alone.

use super::{anonymous, event, exec, fork, identity, mmap};
use crate::place::{Check, Place, Reason};
use crate::process::{EventKind, ProcessTable};
use crate::runtime::Runtime;

fn file_path(table: &ProcessTable, place: Place) -> String {
    match place {
        Place::File { file, .. } => {
            String::from_utf8(table.file(file).unwrap().path.clone()).unwrap()
        }
        other => panic!("no file: {other:?}"),
    }
}

#[test]
fn an_identity_keeps_its_index_and_no_other_has_it() {
    let mut table = ProcessTable::without_proc();
    let identities =
        [identity(5, 100, 1), identity(5, 100, 2), identity(5, 900, 2), identity(6, 100, 1)];
    let first = identities.map(|identity| table.space(identity, 1).index);
    let again = identities.map(|identity| table.space(identity, 2).index);
    assert_eq!(first, again);
    let distinct: std::collections::BTreeSet<_> = first.into_iter().collect();
    assert_eq!(distinct.len(), identities.len());
}

#[test]
fn the_space_made_by_an_exec_is_claimed_by_the_first_identity_after_it() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "old"));
    table.apply(&mmap(2, 5, 0x10000, "/bin/old"));
    let old = table.space(identity(5, 100, 3), 3);
    table.apply(&exec(4, 5, "new"));
    table.apply(&mmap(5, 5, 0x10000, "/bin/new"));
    // A late sample of the old program, before the first one of the new.
    assert_eq!(table.space(identity(5, 100, 3), 6), old);
    let new = table.space(identity(5, 100, 4), 6);
    assert_ne!(old.index, new.index);
    assert_eq!(table.name(old), b"old");
    assert_eq!(table.name(new), b"new");
    let places = [table.locate(old, 0x10010), table.locate(new, 0x10010)];
    assert_eq!(places.map(|place| file_path(&table, place)), ["/bin/old", "/bin/new"]);
}

#[test]
fn a_sample_between_the_exec_record_and_the_counter_does_not_take_the_new_program() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "sh"));
    table.space(identity(5, 100, 3), 2);
    table.apply(&fork(3, 6, 5));
    table.apply(&exec(4, 6, "ls"));
    table.apply(&mmap(5, 6, 0x10000, "/bin/ls"));
    // The child had the parent's counter, 3, until just after its exec record.
    let early = table.space(identity(6, 200, 3), 6);
    assert!(matches!(
        table.locate(early, 0x10010),
        Place::Unknown { reason: Reason::ProcessGone, .. }
    ));
    let ls = table.space(identity(6, 200, 4), 7);
    let place = table.locate(ls, 0x10010);
    assert_eq!(file_path(&table, place), "/bin/ls");
}

#[test]
fn while_a_program_is_loaded_the_registers_are_in_the_one_before() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "sh"));
    table.apply(&mmap(2, 5, 0x10000, "/lib/libc.so"));
    table.apply(&anonymous(2, 5, 0x20000));
    table.space(identity(5, 100, 1), 3);
    table.apply(&exec(1_000_000_000, 5, "ls"));
    let space = table.space(identity(5, 100, 2), 1_000_500_000);
    let place = table.locate(space, 0x10010);
    assert_eq!(file_path(&table, place), "/lib/libc.so");
    assert!(matches!(table.locate(space, 0x20010), Place::Unknown { .. }));
    table.apply(&mmap(1_001_000_000, 5, 0x10000, "/bin/ls"));
    table.apply(&mmap(1_001_000_000, 5, 0x11000, "/bin/ls"));
    let own = table.space(identity(5, 100, 2), 1_001_500_000);
    assert_ne!(own, space, "places of the program before are not this one's");
    let place = table.locate(own, 0x10010);
    assert_eq!(file_path(&table, place), "/bin/ls");
    // Nor are they when it is loaded and maps nothing there.
    table.apply(&exec(2_000_000_000, 5, "sh"));
    let loading = table.space(identity(5, 100, 3), 2_000_500_000);
    let place = table.locate(loading, 0x10010);
    assert_eq!(file_path(&table, place), "/bin/ls");
    assert_ne!(table.space(identity(5, 100, 3), 2_100_000_000), loading);
    // After that, an address of the old program is a wild one.
    table.apply(&exec(3_000_000_000, 5, "cat"));
    let space = table.space(identity(5, 100, 4), 3_100_000_000);
    assert!(matches!(table.locate(space, 0x10010), Place::Unknown { .. }));
}

#[test]
fn an_exec_or_a_reuse_without_a_record_is_another_space_without_the_old_mappings() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "a"));
    table.apply(&mmap(2, 5, 0x10000, "/bin/a"));
    let a = table.space(identity(5, 100, 3), 3);
    for later in [identity(5, 100, 5), identity(5, 900, 1)] {
        let space = table.space(later, 4);
        assert_ne!(space.index, a.index);
        assert!(matches!(table.locate(space, 0x10010), Place::Unknown { .. }));
    }
    let place = table.locate(a, 0x10010);
    assert_eq!(file_path(&table, place), "/bin/a");
}

#[test]
fn a_child_has_its_parents_mappings_until_either_changes_them() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "sh"));
    table.apply(&mmap(2, 5, 0x10000, "/bin/sh"));
    table.apply(&fork(3, 6, 5));
    table.apply(&mmap(4, 6, 0x10000, "/bin/child"));
    table.apply(&mmap(5, 5, 0x20000, "/bin/parent"));
    let parent = table.space(identity(5, 100, 1), 6);
    let child = table.space(identity(6, 200, 1), 6);
    assert_eq!(table.name(child), b"sh");
    let places = [
        table.locate(parent, 0x10010),
        table.locate(child, 0x10010),
        table.locate(parent, 0x20010),
    ];
    assert_eq!(
        places.map(|place| file_path(&table, place)),
        ["/bin/sh", "/bin/child", "/bin/parent"]
    );
    assert!(matches!(
        table.locate(child, 0x20010),
        Place::Unknown { reason: Reason::NoMapping, .. }
    ));
    // A thread is no process.
    table.apply(&crate::process::Event { tid: 55, ..fork(7, 5, 5) });
    assert_eq!(table.space(identity(5, 100, 1), 8).index, parent.index);
}

#[test]
fn children_share_their_parents_storage() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 1, "init"));
    for page in 0..100 {
        table.apply(&mmap(2, 1, 0x10000 + page * 0x2000, "/bin/init"));
    }
    for pid in 2..1002 {
        table.apply(&fork(3, pid, 1));
    }
    let first = &table.images[0].maps;
    let mut all = table.images.iter();
    assert!(all.all(|(_, image)| std::sync::Arc::ptr_eq(&image.maps, first)));
    assert_eq!(table.files().count(), 1);
}

#[test]
fn the_epoch_grows_only_when_a_place_changes() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "a"));
    let who = identity(5, 100, 1);
    let mut epoch = |event: Option<_>| {
        if let Some(event) = event {
            table.apply(&event);
        }
        table.space(who, 9).epoch
    };
    assert_eq!(epoch(Some(mmap(2, 5, 0x10000, "/bin/a"))), 0);
    assert_eq!(epoch(Some(mmap(3, 5, 0x20000, "/bin/a"))), 0);
    assert_eq!(epoch(Some(mmap(4, 5, 0x10000, "/bin/a"))), 0);
    assert_eq!(epoch(Some(anonymous(5, 5, 0x30000))), 0);
    assert_eq!(epoch(Some(anonymous(6, 5, 0x30000))), 0);
    assert_eq!(epoch(Some(mmap(7, 5, 0x10000, "/bin/b"))), 1);
    let space = table.space(who, 9);
    // An address that was asked for in vain lies somewhere now.
    table.locate(space, 0x40010);
    table.apply(&mmap(8, 5, 0x40000, "/bin/a"));
    assert_eq!(table.space(who, 9).epoch, 2);
}

#[test]
fn names_follow_the_main_thread() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "a"));
    let rename = |tid, comm: &str| crate::process::Event {
        time: 2,
        pid: 5,
        tid,
        kind: EventKind::Rename { comm: comm.into() },
    };
    table.apply(&rename(6, "worker"));
    let space = table.space(identity(5, 100, 1), 3);
    assert_eq!(table.name(space), b"a");
    // Node.js calls its first thread so.
    table.apply(&rename(5, "MainThread"));
    assert_eq!(table.name(space), b"a");
    table.apply(&rename(5, "b\u{ff}\n"));
    assert_eq!(table.name(space), "b\u{ff}\n".as_bytes());
    table.apply(&event(4, 5, EventKind::Exit));
    assert_eq!(table.name(space), "b\u{ff}\n".as_bytes());
}

#[test]
fn kinds_of_memory_have_their_places() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "node"));
    table.apply(&mmap(2, 5, 0x10000, "/usr/bin/node"));
    table.apply(&mmap(2, 5, 0x7fff_0000_0000, "[vdso]"));
    table.apply(&mmap(2, 5, 0x30000, "[uprobes]"));
    table.apply(&anonymous(2, 5, 0x40000));
    table.apply(&mmap(2, 5, 0x50000, "/memfd:jit (deleted)"));
    let space = table.space(identity(5, 100, 1), 3);
    assert_eq!(table.locate(space, 0x7fff_0000_0010), Place::Vdso { offset: 0x10 });
    assert_eq!(
        table.locate(space, 0x30010),
        Place::Unknown { address: 0x30010, reason: Reason::NoSymbol }
    );
    for address in [0x40010, 0x50010] {
        let place = Place::Jit { space: space.index, address, check: Check::None };
        assert_eq!(table.locate(space, address), place);
    }
    assert_eq!(
        table.locate(space, 0x60010),
        Place::Unknown { address: 0x60010, reason: Reason::NoMapping }
    );
    assert_eq!(table.runtime(space), Some(Runtime::of_file(b"node").unwrap()));
    let jit = table.jit(space.index).unwrap();
    assert_eq!(
        (jit.pid, jit.reason, jit.runtime),
        (5, Some(Reason::NoJitMap), Some(Runtime::of_file(b"node").unwrap()))
    );
    let facts = table.process(5).unwrap();
    assert!(facts.has_jit_code && facts.reason.is_none());
    assert_eq!(facts.files.len(), 1);
}

#[test]
fn without_proc_files_are_labels() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "true"));
    table.apply(&mmap(2, 5, 0x10000, "/bin/true (deleted)"));
    let space = table.space(identity(5, 100, 1), 3);
    let Place::File { file, address } = table.locate(space, 0x10123) else { panic!("not a file") };
    assert_eq!(address, 0x123);
    let file = table.file(file).unwrap();
    assert_eq!(file.path, b"/bin/true");
    assert!(file.handle.is_none());
    assert_eq!(file.reason, Some(Reason::FileGone));
    // Not even of this process itself.
    let own = table.space(identity(std::process::id(), 1, 1), 3);
    assert_eq!(
        table.locate(own, 0x10123),
        Place::Unknown { address: 0x10123, reason: Reason::ProcessGone }
    );
    assert_eq!(table.name(own), b"");
}

#[test]
fn losses_cast_doubt_only_on_what_may_have_run_another_program() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 5, "a"));
    table.apply(&mmap(2, 5, 0x10000, "/bin/a"));
    let known = table.space(identity(5, 100, 1), 3);
    table.apply(&exec(4, 6, "b"));
    table.apply(&mmap(5, 6, 0x10000, "/bin/b"));
    table.apply(&event(6, 0, EventKind::Lost));
    assert_eq!(table.space(identity(5, 100, 1), 7), known);
    let place = table.locate(known, 0x10010);
    assert_eq!(file_path(&table, place), "/bin/a");
    let doubted = table.space(identity(6, 100, 1), 7);
    assert!(matches!(
        table.locate(doubted, 0x10010),
        Place::Unknown { reason: Reason::ProcessGone, .. }
    ));
}

#[test]
fn a_storm_of_processes_is_bounded_and_sampled_ones_keep_their_index() {
    let mut table = ProcessTable::without_proc();
    table.apply(&exec(1, 1, "make"));
    let mut first = None;
    for round in 0..60_000u32 {
        let pid = 2 + round % 30_000;
        let time = 10 + u64::from(round) * 10;
        table.apply(&fork(time, pid, 1));
        table.apply(&exec(time + 1, pid, "cc1"));
        table.apply(&mmap(time + 2, pid, 0x10000, "/bin/cc1"));
        if round == 0 {
            first = Some(table.space(identity(pid, time, 1), time + 3));
        }
        table.apply(&event(time + 4, pid, EventKind::Exit));
    }
    assert!(table.images.len() < 20_000, "{} images", table.images.len());
    assert_eq!(table.files().count(), 1);
    let first = first.unwrap();
    assert_eq!(table.space(identity(2, 10, 1), 1_000_000).index, first.index);
    assert_eq!(table.name(first), b"cc1");
    assert!(matches!(table.locate(first, 0x10010), Place::Unknown { reason: Reason::Limit, .. }));
}

#[test]
fn any_order_of_events_is_survived() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut next = |below: u64| random.u64(..below);
    let mut table = ProcessTable::without_proc();
    for time in 0..50_000 {
        let pid = next(6) as u32;
        let start = [0, 0x10000, 0x10800, u64::MAX - 0x800][next(4) as usize];
        match next(8) {
            0 => table.apply(&exec(time, pid, "x")),
            1 => table.apply(&fork(time, pid, next(6) as u32)),
            2 => table.apply(&event(time, pid, EventKind::Exit)),
            3 => table.apply(&event(time, pid, EventKind::Lost)),
            4 => table.apply(&anonymous(time, pid, start)),
            5 => table.apply(&mmap(time, pid, start, "/bin/x")),
            _ => {
                let space = table.space(identity(pid, next(3), next(3)), time);
                for address in [0, 0x10001, u64::MAX, start] {
                    table.locate(space, address);
                }
            }
        }
    }
}

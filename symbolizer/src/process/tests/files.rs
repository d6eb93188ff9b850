//! Files that change, are not what they were, or are no programs.

use super::{event, exec, identity, inode};
use crate::place::{MappedFile, Place, Reason};
use crate::process::files::descriptors::Descriptors;
use crate::process::{EventKind, ProcessTable};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// No process has this pid: files are found by their paths.
const GONE: u32 = 1_999_999_000;

/// Maps a file at an address, beside what the process has.
fn map_at(table: &mut ProcessTable, pid: u32, start: u64, path: &Path) {
    let stat = std::fs::metadata(path).unwrap();
    let device = (rustix::fs::major(stat.dev()), rustix::fs::minor(stat.dev()));
    let path = path.as_os_str().as_encoded_bytes().to_vec();
    let inode = stat.ino();
    let kind = EventKind::Mmap { start, len: 0x1000, offset: 0, device, inode, path };
    table.apply(&event(2, pid, kind));
}

fn map(table: &mut ProcessTable, pid: u32, path: &Path, inode: u64) {
    let device = std::fs::metadata(path.parent().unwrap()).unwrap().dev();
    let device = (rustix::fs::major(device), rustix::fs::minor(device));
    let path = path.as_os_str().as_encoded_bytes().to_vec();
    table.apply(&exec(1, pid, "x"));
    let kind = EventKind::Mmap { start: 0x10_0000, len: 0x1000, offset: 0, device, inode, path };
    table.apply(&event(2, pid, kind));
}

fn mapped(table: &ProcessTable, pid: u32) -> &MappedFile {
    table.file(table.process(pid).unwrap().files[0]).unwrap()
}

#[test]
fn a_file_is_found_by_path_only_if_it_is_the_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("true");
    std::fs::copy("/bin/true", &path).unwrap();
    let mut table = ProcessTable::new();
    map(&mut table, GONE, &path, inode(&path));
    assert!(mapped(&table, GONE).handle.is_some(), "{:?}", mapped(&table, GONE).reason);
    map(&mut table, GONE + 1, &path, inode(&path) + 1);
    assert_eq!(mapped(&table, GONE + 1).reason, Some(Reason::FileChanged));
    map(&mut table, GONE + 2, &directory.path().join("gone"), 12345);
    assert_eq!(mapped(&table, GONE + 2).reason, Some(Reason::FileGone));
    // A link that was put there later is not followed.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    map(&mut table, GONE + 3, &link, inode(&path));
    assert_eq!(mapped(&table, GONE + 3).reason, Some(Reason::FileChanged));
}

#[test]
fn a_file_that_was_replaced_or_rewritten_is_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    std::fs::copy("/bin/true", &path).unwrap();
    let mut table = ProcessTable::new();
    map(&mut table, GONE, &path, inode(&path));
    // Replaced: the old one stays open, and a link more or less does not matter.
    let replacement = directory.path().join("replacement");
    std::fs::copy("/bin/cat", &replacement).unwrap();
    std::fs::rename(&replacement, &path).unwrap();
    map(&mut table, GONE + 1, &path, inode(&path));
    assert!(mapped(&table, GONE).handle.is_some());
    assert!(mapped(&table, GONE + 1).handle.is_some());
    assert_ne!(mapped(&table, GONE).build_id, mapped(&table, GONE + 1).build_id);
    std::fs::hard_link(&path, directory.path().join("second")).unwrap();
    map(&mut table, GONE + 2, &path, inode(&path));
    assert_eq!(table.files().count(), 2);
    // Rewritten in place.
    let bytes = std::fs::read("/bin/true").unwrap();
    std::fs::write(&path, &bytes).unwrap();
    map(&mut table, GONE + 3, &path, inode(&path));
    assert_eq!(mapped(&table, GONE + 1).reason, Some(Reason::FileChanged));
    assert!(mapped(&table, GONE + 1).handle.is_none());
    assert!(mapped(&table, GONE + 3).handle.is_some());
}

#[test]
fn what_is_no_program_is_said_and_counted_if_it_pretends() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    std::fs::write(&text, "#!/bin/sh\n").unwrap();
    let corrupt = directory.path().join("corrupt");
    std::fs::write(&corrupt, b"\x7fELF\x02\x01 and nothing of use").unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    let mut table = ProcessTable::new();
    map(&mut table, GONE, &text, inode(&text));
    map(&mut table, GONE + 1, &corrupt, inode(&corrupt));
    map(&mut table, GONE + 2, &fifo, inode(&fifo));
    assert_eq!(mapped(&table, GONE).reason, Some(Reason::FileCorrupt));
    assert_eq!(mapped(&table, GONE + 1).reason, Some(Reason::FileCorrupt));
    assert_eq!(mapped(&table, GONE + 2).reason, Some(Reason::FileRefused));
    let space = table.space(identity(GONE, 1, 1), 3);
    assert!(matches!(table.locate(space, 0x10_0123), Place::File { address: 0x123, .. }));
    let spoilt: Vec<_> = table.warnings().into_iter().map(|warning| warning.file).collect();
    let expected = [&corrupt, &fifo].map(|path| path.to_str().unwrap().to_owned());
    assert_eq!(spoilt, expected);
}

#[test]
fn two_programs_with_one_build_id_are_said_but_not_two_copies_of_one() {
    let directory = tempfile::tempdir().unwrap();
    let [one, copy, other] = ["one", "copy", "other"].map(|name| directory.path().join(name));
    std::fs::copy("/bin/true", &one).unwrap();
    std::fs::copy("/bin/true", &copy).unwrap();
    // The same notes, with an executable segment that lies elsewhere.
    let mut bytes = std::fs::read("/bin/true").unwrap();
    let headers = bytes[64..].chunks_exact_mut(56).take(32);
    for header in headers.filter(|header| header[..8] == [1, 0, 0, 0, 5, 0, 0, 0]) {
        header[18] ^= 0x10;
    }
    std::fs::write(&other, &bytes).unwrap();
    let mut table = ProcessTable::new();
    for (pid, path) in (GONE..).zip([&one, &copy, &other]) {
        map(&mut table, pid, path, inode(path));
        assert!(mapped(&table, pid).build_id.is_some());
    }
    let warnings = table.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].file, other.to_str().unwrap());
    assert_eq!(warnings[0].what, format!("carries the build ID of {}", one.display()));
}

#[test]
fn files_beyond_the_budget_say_so_and_are_opened_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| directory.path().join(name));
    std::fs::copy("/bin/true", &one).unwrap();
    std::fs::copy("/bin/cat", &two).unwrap();
    let mut table = ProcessTable::new();
    table.files.descriptors = Descriptors::exactly(1);
    map(&mut table, GONE, &one, inode(&one));
    map(&mut table, GONE + 1, &two, inode(&two));
    assert!(mapped(&table, GONE).handle.is_some());
    assert_eq!(mapped(&table, GONE + 1).reason, Some(Reason::Limit));
    table.files.descriptors = Descriptors::exactly(9);
    map(&mut table, GONE + 2, &two, inode(&two));
    assert!(mapped(&table, GONE + 2).handle.is_some());
    // Addresses from before were located without segments, so they stay in another file.
    assert_eq!(mapped(&table, GONE + 1).reason, Some(Reason::Limit));
}

#[test]
fn one_process_leaves_files_for_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let mut table = ProcessTable::new();
    table.files.descriptors = Descriptors::exactly(9);
    table.apply(&exec(1, GONE, "x"));
    for number in 0..9 {
        let path = directory.path().join(number.to_string());
        std::fs::copy("/bin/true", &path).unwrap();
        map_at(&mut table, GONE, 0x10_0000 * (number + 1), &path);
    }
    let opened = |table: &ProcessTable, pid| {
        let files = table.process(pid).unwrap().files;
        files.iter().filter(|file| table.file(**file).unwrap().handle.is_some()).count()
    };
    assert_eq!(opened(&table, GONE), 8);
    assert_eq!(
        table.file(table.process(GONE).unwrap().files[8]).unwrap().reason,
        Some(Reason::Limit)
    );
    // The next process opens a file for which the first one had no room, however often it was seen.
    for _ in 0..99 {
        map_at(&mut table, GONE, 0x10_0000 * 9, &directory.path().join("8"));
    }
    table.apply(&exec(1, GONE + 1, "y"));
    map_at(&mut table, GONE + 1, 0x10_0000, &directory.path().join("8"));
    assert_eq!(opened(&table, GONE + 1), 1);
    let said: Vec<_> = table.warnings().into_iter().map(|warning| warning.file).collect();
    assert_eq!(said, [format!("process {GONE}")]);
}

#[test]
fn one_process_leaves_files_and_bytes_of_paths_to_others() {
    let mut table = ProcessTable::without_proc();
    let mut map = |pid, number: u64, path: &str| {
        let kind = EventKind::Mmap {
            start: 0x10_0000 + 0x2000 * number,
            len: 0x1000,
            offset: 0,
            device: (8, 1),
            inode: number,
            path: format!("/{path}{number}").into_bytes(),
        };
        table.apply(&event(2, pid, kind));
    };
    (1..=5_000).for_each(|number| map(1, number, &"long".repeat(1_000)));
    map(2, 1, "first");
    let files = |table: &ProcessTable, pid| table.process(pid).unwrap().files.len();
    assert!((3_600..3_700).contains(&files(&table, 1)), "{}", files(&table, 1));
    assert_eq!(files(&table, 2), 1);
    table.apply(&exec(3, 4, "many"));
    let many = 20_000;
    for number in 1..=many {
        let kind = EventKind::Mmap {
            start: 0x10_0000 + 0x2000 * number,
            len: 0x1000,
            offset: 0,
            device: (8, 2),
            inode: number,
            path: b"/short".to_vec(),
        };
        table.apply(&event(4, 4, kind));
    }
    assert!(files(&table, 4) == 16_384, "{}", files(&table, 4));
    let space = table.space(identity(4, 1, 1), 5);
    let place = table.locate(space, 0x10_0000 + 0x2000 * many);
    assert!(matches!(place, Place::Unknown { reason: Reason::Limit, .. }), "{place:?}");
}

#[test]
fn corrupt_copies_of_this_test_give_places_and_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    let head = {
        let mut head = vec![0; 4096];
        std::fs::File::open("/proc/self/exe").unwrap().read_exact(&mut head).unwrap();
        head
    };
    let mut table = ProcessTable::new();
    for (pid, at) in (GONE..).zip((0..1024).step_by(3)) {
        let path = directory.path().join(at.to_string());
        let mut bytes = head.clone();
        bytes[at] ^= 0xff;
        bytes.truncate(4096 - at);
        std::fs::write(&path, &bytes).unwrap();
        map(&mut table, pid, &path, inode(&path));
        let file = mapped(&table, pid);
        assert_eq!(file.handle.is_some(), file.reason.is_none());
        let space = table.space(identity(pid, 1, 1), 3);
        assert!(matches!(
            table.locate(space, 0x10_0123),
            Place::File { .. } | Place::Unknown { .. }
        ));
    }
}

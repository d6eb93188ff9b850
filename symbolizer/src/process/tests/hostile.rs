//! Perf maps that are none, and maps without end.

use super::{Running, anonymous, identity_of, mmap, skipped, with_run_time_code};
use crate::place::{Place, Reason};
use crate::process::space::image::Image;
use crate::process::{EventKind, Identity, ProcessTable};
use std::path::PathBuf;
use std::time::Duration;

/// A perf map's path in `/tmp`, removed at the end.
struct PerfMap(PathBuf);

impl Drop for PerfMap {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0).or_else(|_| std::fs::remove_dir(&self.0));
    }
}

/// The reason and the warnings after `make` has put a perf map there for a process.
fn look(make: impl FnOnce(&PathBuf)) -> (Option<Reason>, Vec<String>) {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let path = PerfMap(PathBuf::from(format!("/tmp/perf-{pid}.map")));
    make(&path.0);
    let (table, space) = with_run_time_code(pid);
    let jit = table.jit(space.index).unwrap();
    assert_eq!(jit.map.is_some(), jit.reason.is_none());
    (jit.reason, table.warnings().into_iter().map(|warning| warning.what).collect())
}

#[test]
fn a_good_one_is_taken() {
    assert_eq!(look(|path| std::fs::write(path, "1000 10 a\n").unwrap()), (None, vec![]));
}

#[test]
fn none_is_no_warning() {
    assert_eq!(look(|_| {}), (Some(Reason::NoJitMap), vec![]));
}

#[test]
fn links_pipes_and_huge_ones_are_refused() {
    let refused = |what: &str| (Some(Reason::JitMapRefused), vec![what.to_owned()]);
    let link = look(|path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap());
    assert_eq!(link, refused("refused: not a regular file"));
    let fifo = look(|path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).unwrap();
    });
    assert_eq!(fifo, refused("refused: not a regular file"));
    let directory = look(|path| std::fs::create_dir(path).unwrap());
    assert_eq!(directory, refused("refused: not a regular file"));
    let huge = look(|path| std::fs::File::create(path).unwrap().set_len(5 << 30).unwrap());
    assert_eq!(huge, refused("refused: larger than 256 MiB"));
}

/// A jitdump is where its mapping says; a link that has taken its place is not followed.
#[test]
fn jitdumps_are_taken_without_following_links() {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let directory = tempfile::tempdir().unwrap();
    let found = |name: &str| {
        let path = directory.path().join(name);
        let mut table = ProcessTable::new();
        table.read(pid);
        table.apply(&mmap(1, pid, 0x20_0000, path.to_str().unwrap()));
        table.apply(&anonymous(1, pid, 0x10_0000));
        let space = table.space(identity_of(pid), 2);
        assert!(matches!(table.locate(space, 0x10_0010), Place::Jit { .. }));
        table.jit(space.index).unwrap().reason
    };
    std::fs::write(directory.path().join("jit-12.dump"), "DTiJ").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join("jit-13.dump")).unwrap();
    std::fs::write(directory.path().join("jit-x.dump"), "DTiJ").unwrap();
    assert_eq!(found("jit-12.dump"), None);
    assert_eq!(found("jit-13.dump"), Some(Reason::JitMapRefused));
    assert_eq!(found("jit-x.dump"), Some(Reason::NoJitMap));
    assert_eq!(found("jit-14.dump"), Some(Reason::NoJitMap));
}

#[test]
fn somebody_elses_is_refused() {
    if !rustix::process::geteuid().is_root() {
        skipped("needs root to give a file away");
        return;
    }
    let foreign = look(|path| {
        std::fs::write(path, "1000 10 a\n").unwrap();
        std::os::unix::fs::chown(path, Some(4242), None).unwrap();
    });
    let what = "refused: its owner is not the user of the process".to_owned();
    assert_eq!(foreign, (Some(Reason::JitMapRefused), vec![what]));
}

#[test]
fn one_left_by_an_earlier_process_is_not_taken_until_it_is_written_anew() {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let path = PerfMap(PathBuf::from(format!("/tmp/perf-{pid}.map")));
    std::fs::write(&path.0, "1000 10 old\n").unwrap();
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let file = std::fs::File::options().write(true).open(&path.0).unwrap();
    file.set_modified(hour_ago).unwrap();
    let mut table = ProcessTable::new();
    table.apply(&anonymous(1, pid, 0x10_0000));
    let space = table.space(identity_of(pid), 2);
    table.locate(space, 0x10_0010);
    assert_eq!(table.jit(space.index).unwrap().reason, Some(Reason::NoJitMap));
    std::fs::write(&path.0, "1000 10 new\n").unwrap();
    table.finish();
    assert!(table.jit(space.index).unwrap().map.is_some());
}

#[test]
fn the_map_of_the_next_process_with_the_pid_is_not_taken() {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let path = PerfMap(PathBuf::from(format!("/tmp/perf-{pid}.map")));
    let mut table = ProcessTable::new();
    table.apply(&anonymous(1, pid, 0x10_0000));
    let now = identity_of(pid);
    let earlier = Identity { start: now.start - 5_000_000_000, ..now };
    let space = table.space(earlier, 2);
    assert!(matches!(table.locate(space, 0x10_0010), Place::Jit { .. }));
    std::fs::write(&path.0, "1000 10 a\n").unwrap();
    table.locate(space, 0x10_0010);
    table.finish();
    assert!(table.jit(space.index).unwrap().map.is_none());
    // Nor after the process is known to have ended.
    let mut table = ProcessTable::new();
    table.apply(&anonymous(1, pid, 0x10_0000));
    std::fs::remove_file(&path.0).unwrap();
    let space = table.space(now, 2);
    table.locate(space, 0x10_0010);
    table.apply(&super::event(3, pid, EventKind::Exit));
    std::fs::write(&path.0, "1000 10 a\n").unwrap();
    table.finish();
    assert!(table.jit(space.index).unwrap().map.is_none());
}

#[test]
fn maps_that_take_long_to_read_are_read_seldom() {
    let mut image = Image::unread(1);
    let second = 1_000_000_000;
    image.was_read(second, true, Duration::from_secs(1));
    assert!(!image.may_read_again(50 * second) && image.may_read_again(51 * second));
    image.was_read(60 * second, true, Duration::ZERO);
    assert!(image.may_read_again(61 * second));
}

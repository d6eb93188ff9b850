//! Sinks on real file systems.

use super::Sink;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn write(mut sink: Sink, text: &str) -> io::Result<Option<PathBuf>> {
    sink.write_all(text.as_bytes())?;
    sink.commit()
}

#[test]
fn a_file_appears_when_committed_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.svg");
    let mut sink = Sink::file(&path).unwrap();
    sink.write_all(b"new").unwrap();
    sink.flush().unwrap();
    assert!(!path.exists());
    assert_eq!(sink.path(), Some(path.as_path()));
    assert_eq!(sink.commit().unwrap(), Some(path.clone()));
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(names(directory.path()), ["a.svg"]);
}

#[test]
fn an_earlier_file_stays_until_the_new_one_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.svg");
    fs::write(&path, "old").unwrap();
    let mut dropped = Sink::file(&path).unwrap();
    dropped.write_all(b"half").unwrap();
    dropped.flush().unwrap();
    drop(dropped);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(directory.path()), ["a.svg"]);
    write(Sink::file(&path).unwrap(), "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}

#[test]
fn fresh_files_never_replace_one() {
    let directory = tempfile::tempdir().unwrap();
    let fresh = || Sink::fresh(directory.path(), "flame", "pb.gz").unwrap();
    let (first, second) = (fresh(), fresh());
    assert_eq!(first.path(), second.path());
    let first = write(first, "1").unwrap().unwrap();
    let second = write(second, "2").unwrap().unwrap();
    assert!(first.ends_with("flame.pb.gz") && second.ends_with("flame-2.pb.gz"));
    symlink("nowhere", directory.path().join("flame-3.pb.gz")).unwrap();
    assert!(fresh().path().unwrap().ends_with("flame-4.pb.gz"));
    write(fresh(), "4").unwrap();
    assert_eq!(
        names(directory.path()),
        ["flame-2.pb.gz", "flame-3.pb.gz", "flame-4.pb.gz", "flame.pb.gz"]
    );
    assert_eq!(fs::read_to_string(first).unwrap(), "1");
}

#[test]
fn a_bad_place_is_known_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let kind = |path: &Path| Sink::file(path).unwrap_err().kind();
    assert_eq!(kind(&directory.path().join("missing/a.svg")), io::ErrorKind::NotFound);
    assert_eq!(kind(directory.path()), io::ErrorKind::IsADirectory);
    assert_eq!(kind(&directory.path().join("a/")), io::ErrorKind::IsADirectory);
    fs::write(directory.path().join("file"), "").unwrap();
    assert_eq!(kind(&directory.path().join("file/a.svg")), io::ErrorKind::NotADirectory);
    assert_eq!(kind(&directory.path().join("x".repeat(300))), io::ErrorKind::InvalidFilename);
    assert_eq!(
        Sink::fresh(Path::new("/proc"), "flame", "svg").map(drop).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
}

#[test]
fn one_s_own_links_are_followed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("real")).unwrap();
    fs::write(at("real/a.svg"), "old").unwrap();
    symlink("real/a.svg", at("link.svg")).unwrap();
    symlink("link.svg", at("link-to-link.svg")).unwrap();
    symlink("real/new.svg", at("dangling.svg")).unwrap();
    symlink("loop.svg", at("loop.svg")).unwrap();
    write(Sink::file(&at("link-to-link.svg")).unwrap(), "new").unwrap();
    write(Sink::file(&at("dangling.svg")).unwrap(), "newer").unwrap();
    assert!(at("link.svg").symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_to_string(at("real/a.svg")).unwrap(), "new");
    assert_eq!(fs::read_to_string(at("real/new.svg")).unwrap(), "newer");
    assert!(Sink::file(&at("loop.svg")).is_err());
}

/// A directory as `/tmp` is; only root can make files of others in it.
fn shared_by_all() -> Option<tempfile::TempDir> {
    let directory = is_root().then(|| tempfile::tempdir().unwrap())?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    Some(directory)
}

#[test]
fn somebody_else_s_link_in_a_shared_directory_is_refused() {
    let Some(directory) = shared_by_all() else { return };
    let (target, link) = (directory.path().join("target"), directory.path().join("link.svg"));
    fs::write(&target, "precious").unwrap();
    symlink(&target, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
    assert_eq!(Sink::file(&link).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn somebody_else_s_fifo_in_a_shared_directory_is_refused() {
    let Some(directory) = shared_by_all() else { return };
    let path = directory.path().join("out.svg");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    std::os::unix::fs::lchown(&path, Some(65_534), None).unwrap();
    let _reader = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    assert_eq!(Sink::file(&path).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    std::os::unix::fs::lchown(&path, Some(0), None).unwrap();
    Sink::file(&path).unwrap();
}

#[test]
fn files_belong_to_whom_they_are_given() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let sink =
        Sink::fresh(directory.path(), "flame", "svg").unwrap().owner(Some((1_234, 5_678))).unwrap();
    let metadata = fs::metadata(write(sink, "x").unwrap().unwrap()).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1_234, 5_678));
    assert_eq!(metadata.mode() & 0o133, 0, "the umask holds");
}

/// Writes to a file that has an owner and a mode, for another user. Returns the new owner and mode.
fn replaced(path: &Path, owner: u32, mode: u32, whom: Option<(u32, u32)>) -> (u32, u32) {
    fs::write(path, "old").unwrap();
    std::os::unix::fs::chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    write(Sink::private(path).unwrap().owner(whom).unwrap(), "new").unwrap();
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.mode() & 0o777)
}

#[test]
fn a_replaced_file_keeps_its_owner() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.svg");
    let link = directory.path().join("link.svg");
    symlink("out.svg", &link).unwrap();
    for path in [&path, &link] {
        assert_eq!(replaced(path, 0, 0o640, Some((1_234, 5_678))), (0, 0o640));
        assert_eq!(replaced(path, 1_234, 0o664, Some((1_234, 5_678))), (1_234, 0o664));
        assert_eq!(replaced(path, 4_321, 0o644, None), (4_321, 0o644));
    }
}

#[test]
fn a_file_that_somebody_put_into_a_shared_directory_gives_nobody_the_profile() {
    let Some(directory) = shared_by_all() else { return };
    let path = directory.path().join("out.svg");
    assert_eq!(replaced(&path, 65_534, 0o666, None), (0, 0o600));
    assert_eq!(replaced(&path, 65_534, 0o666, Some((1_234, 5_678))), (1_234, 0o600));
    assert_eq!(replaced(&path, 1_234, 0o644, Some((1_234, 5_678))), (1_234, 0o644));
    assert_eq!(replaced(&path, 0, 0o644, Some((1_234, 5_678))), (0, 0o644));
}

#[test]
fn devices_are_written_to_and_stay() {
    write(Sink::file(Path::new("/dev/null")).unwrap(), "x").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let mut full = Sink::file(Path::new("/dev/full")).unwrap();
    full.write_all(b"x").unwrap();
    assert_eq!(full.commit().unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_fifo_is_written_to_and_waits_for_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(Sink::file(&path).unwrap_err().kind(), io::ErrorKind::NotConnected);
    let reader = {
        let path = path.clone();
        std::thread::spawn(move || {
            let mut text = String::new();
            fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
            text
        })
    };
    let sink = loop {
        match Sink::file(&path) {
            Ok(sink) => break sink,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotConnected),
        }
    };
    write(sink, &"x".repeat(200_000)).unwrap();
    assert_eq!(reader.join().unwrap().len(), 200_000);
    assert_eq!(names(directory.path()), ["fifo"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (reader, writer) = io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
    let mut sink = Sink::file(Path::new(&path)).unwrap();
    drop((reader, writer));
    sink.write_all(&vec![b'x'; 100_000]).unwrap();
    sink.write_all(b"more").unwrap();
    sink.commit().unwrap();
}

#[test]
fn a_full_disk_leaves_the_earlier_file() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(directory.path())
        .output()
        .unwrap();
    if !mount.status.success() {
        return skip(&String::from_utf8_lossy(&mount.stderr));
    }
    let path = directory.path().join("a.svg");
    fs::write(&path, "old").unwrap();
    let mut sink = Sink::file(&path).unwrap();
    let written = sink.write_all(&vec![b'x'; 1 << 20]).and_then(|()| sink.flush());
    drop(sink);
    let (left, names) = (fs::read_to_string(&path), names(directory.path()));
    assert!(Command::new("umount").arg(directory.path()).status().unwrap().success());
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(left.unwrap(), "old");
    assert_eq!(names, ["a.svg"]);
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("this needs root");
    }
    root
}

/// Past the harness, which keeps what passing tests print. The thread has the test's name.
fn skip(why: &str) {
    let thread = std::thread::current();
    let why = why.trim_end();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    // In one piece, beside what other threads write.
    io::stderr().write_all(line.as_bytes()).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

#[test]
fn only_the_owner_can_read_a_private_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    Sink::private(&path).unwrap().commit().unwrap();
    assert_eq!(mode(&path), 0o600);
    let fresh = Sink::fresh(directory.path(), "flame", "svg").unwrap().commit().unwrap();
    assert_eq!(mode(&fresh.unwrap()), 0o600);
}

#[test]
fn a_replaced_file_keeps_its_mode() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    for kept in [0o600, 0o640, 0o666, 0o444] {
        fs::write(&path, "earlier").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
        for open in [Sink::file, Sink::private] {
            let mut sink = open(&path).unwrap();
            sink.write_all(b"later").unwrap();
            sink.commit().unwrap();
            assert_eq!((mode(&path), fs::read(&path).unwrap()), (kept, b"later".to_vec()));
        }
        fs::remove_file(&path).unwrap();
    }
}

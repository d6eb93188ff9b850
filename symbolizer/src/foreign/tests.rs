use super::*;
use rustix::fs::{Mode, OFlags};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A thread in place of the process, and a process that stands for it.
fn looks() -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    std::thread::spawn(move || serve::run(theirs));
    Ok((Command::new("sleep").arg("60").spawn()?, ours))
}

/// One that never answers.
fn silent() -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        (&theirs).read_to_end(&mut rest)
    });
    Ok((Command::new("sleep").arg("60").spawn()?, ours))
}

fn path_of(path: &Path) -> OwnedFd {
    rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty()).unwrap()
}

fn text(looked: Looked) -> String {
    let mut text = String::new();
    looked.file.unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A file of `/proc` that no list of types has: the cgroup file system, or its older form.
fn elsewhere() -> Option<std::path::PathBuf> {
    let path = std::path::PathBuf::from("/sys/kernel/vmcoreinfo");
    path.exists().then_some(path)
}

#[test]
fn local_files_are_looked_at_here() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "text").unwrap();
    symlink("file", directory.path().join("link")).unwrap();
    let mut foreign = Foreign::by(silent);
    let found = foreign.find(None, &directory.path().join("file"), Links::Refused).unwrap();
    assert_eq!(text(foreign.look(&found).unwrap()), "text");
    let missing = foreign.find(None, &directory.path().join("none"), Links::Followed);
    assert_eq!(missing.unwrap_err(), Reason::FileGone);
    let looked = foreign.look(&path_of(directory.path())).unwrap();
    assert!(looked.file.is_none(), "a directory");
    assert_eq!(foreign.starts(), 0);
    // The end of a link may be anywhere.
    let mut foreign = Foreign::by(looks);
    let found = foreign.find(None, &directory.path().join("link"), Links::Followed).unwrap();
    assert_eq!(text(foreign.look(&found).unwrap()), "text");
    assert_eq!(foreign.starts(), 1);
}

#[test]
fn files_elsewhere_are_copied_by_the_other_process() {
    let Some(path) = elsewhere() else { return };
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut foreign = Foreign::by(looks);
    let found = foreign.find(None, &path, Links::Refused).unwrap();
    let here = look::look(&found).unwrap();
    let looked = foreign.look(&found).unwrap();
    assert_eq!((looked.device, looked.inode, looked.magic), (here.device, here.inode, here.magic));
    assert_eq!((looked.size, looked.user), (here.size, here.user));
    assert_eq!((looked.modified, looked.changed), (here.modified, here.changed));
    assert_eq!(foreign.starts(), 1);
    let file = looked.file.as_ref().unwrap();
    assert!(rustix::io::write(file, b"x").is_err(), "the copy is sealed");
    assert_eq!(text(looked), expected);
}

#[test]
fn a_file_system_that_does_not_answer_is_asked_once() {
    let Some(path) = elsewhere() else { return };
    let mut foreign = Foreign::by(silent);
    let found = path_of(&path);
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(foreign.look(&found).unwrap_err(), Reason::FileSystem);
    }
    assert_eq!(foreign.starts(), 1);
    assert!(begun.elapsed() >= Duration::from_millis(900));
    // All looks together have a limit, too.
    for _ in 0..100 {
        foreign.silent.clear();
        foreign.look(&found).unwrap_err();
    }
    assert!((2..=8).contains(&foreign.starts()), "{}", foreign.starts());
}

#[test]
fn links_of_others_do_not_lead_out_of_their_root() {
    let directory = tempfile::tempdir().unwrap();
    let root = File::open(directory.path()).unwrap();
    std::fs::write(directory.path().join("passwd"), "inside").unwrap();
    symlink("/passwd", directory.path().join("link")).unwrap();
    symlink("/proc/self/exe", directory.path().join("magic")).unwrap();
    for mut foreign in [Foreign::default(), Foreign::by(looks)] {
        let mut find = |name: &str, links| foreign.find(Some(&root), Path::new(name), links);
        let found = find("/link", Links::Followed).unwrap();
        assert_eq!(text(look::look(&found).unwrap()), "inside");
        find("/magic", Links::Followed).unwrap_err();
        for links in [Links::Refused, Links::OnTheWay] {
            assert!(look::look(&find("/link", links).unwrap()).unwrap().file.is_none());
        }
    }
}

/// A list of mappings as a process has them that maps such a file.
fn maps(device: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    writeln!(file, "55f0-55f1 r-xp 00000000 00:00 0 ").unwrap();
    writeln!(file, "7f01-7f02 r--s 00000000 {device} 77    /mnt/a file").unwrap();
    file
}

#[test]
fn memory_is_read_by_the_other_process_while_a_file_elsewhere_is_mapped() {
    let words: Vec<u64> = (0..400_000).collect();
    let expected: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let address = words.as_ptr().addr() as u64;
    let space = |maps| {
        let memory = File::open("/proc/self/mem").unwrap();
        Space { who: (1, 1), memory, maps: Arc::new(maps), patience: Patience::default() }
    };
    for (memories, started) in [(Memories::default(), 0), (Memories::by(looks), 1)] {
        let memory = memories.of(space(maps("fe:7")));
        memory.look_at_maps();
        let mut bytes = vec![0; expected.len()];
        assert!(memory.fill(address, &mut bytes) && bytes == expected);
        assert!(!memory.fill(8, &mut [0; 8]), "there is nothing");
        assert!(memory.fill(address + 8, &mut bytes[..8]) && bytes[..8] == 1u64.to_ne_bytes());
        assert_eq!(memories.started(), started);
    }
    let memories = Memories::by(silent);
    let memory = memories.of(space(File::open("/proc/self/maps").unwrap()));
    memory.look_at_maps();
    assert!(memory.fill(address, &mut [0; 8]), "all its files are local");
    let memory = memories.of(space(maps("fe:7")));
    let begun = Instant::now();
    for _ in 0..1_000 {
        memory.look_at_maps();
        assert!(!memory.fill(address, &mut [0; 8]));
    }
    assert!(begun.elapsed() >= Duration::from_millis(900));
    assert_eq!(memories.started(), 1);
}

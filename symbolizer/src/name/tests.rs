//! Names of small programs that are compiled here, and of malformed input.

mod debugfiles;
#[cfg(feature = "debuginfod")]
mod debuginfod;
mod go;
mod hostile;
mod interpreted;
mod kernel;
mod languages;
mod symbols;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use elf::{Bytes, Image};

use super::{LocalSymbolizer, NameOptions, Named};
use crate::process::tests::skipped;
use crate::serve::Server;
use crate::{Check, MappedFile, Reason};

/// A directory with a program's source, removed at the end.
struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new(name: &str, source: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), source).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a tool in the directory; it must be there and succeed.
    fn run(&self, tool: &str, arguments: &[&str]) {
        let mut command = Command::new(tool);
        let output = command.args(arguments).current_dir(self.directory.path()).output();
        let output = output.unwrap_or_else(|error| panic!("{tool}: {error}"));
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn mapped(&self, name: &str) -> MappedFile {
        mapped(&self.path(name))
    }

    /// Address of a symbol in a file that still has its table.
    fn address(&self, name: &str, symbol: &str) -> u64 {
        let output = Command::new("nm").arg(self.path(name)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.ends_with(&format!(" {symbol}")));
        let line = line.unwrap_or_else(|| panic!("no {symbol} in {text}"));
        u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap()
    }
}

fn mapped(path: &Path) -> MappedFile {
    use std::os::unix::ffi::OsStrExt;
    let handle = File::open(path).unwrap();
    let build_id = Image::parse(Bytes::File(&handle)).ok().and_then(|image| image.build_id());
    MappedFile {
        path: path.as_os_str().as_bytes().to_vec(),
        handle: Some(Arc::new(handle)),
        reason: None,
        build_id,
        segments: Vec::new(),
        root: None,
    }
}

/// A symbolizer that parses in this process.
fn local() -> LocalSymbolizer {
    LocalSymbolizer::new(NameOptions::default(), Server::default())
}

fn name(file: &MappedFile, address: u64) -> Named {
    local().file(file, &[address]).remove(0)
}

/// `inner < outer`, innermost first.
fn chain(named: &Named) -> String {
    named.lines.iter().map(|line| &*line.name).collect::<Vec<_>>().join(" < ")
}

/// Whether a tool is installed; prints that the test is skipped if not.
fn installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(tool).is_file());
    if !found {
        skipped(&format!("{tool} is not installed"));
    }
    found
}

/// `count` copies of `bytes`, each with one byte changed, spread over all of them.
fn flipped(bytes: &[u8], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let step = (bytes.len() / count).max(1);
    (0..bytes.len()).step_by(step).enumerate().map(move |(turn, at)| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= [0xff, 0x01, 0x80, 0x7f][turn % 4];
        bytes
    })
}

#[test]
fn a_file_that_was_never_opened_has_a_reason() {
    let fixture = Fixture::new("a.txt", "text");
    let mut file = fixture.mapped("a.txt");
    (file.handle, file.reason) = (None, Some(Reason::FileChanged));
    let named = name(&file, 0x1000);
    assert_eq!((named.lines.len(), named.reason), (0, Some(Reason::FileChanged)));
}

#[test]
fn raw_addresses_name_only_what_is_not_in_a_file() {
    use super::{RawAddresses, Symbolize};
    use crate::place::{FileId, Place};
    let table = crate::ProcessTable::without_proc();
    let places = [
        Place::File { file: FileId(0), address: 0x1000 },
        Place::Vdso { offset: 0 },
        Place::Unknown { address: 7, reason: Reason::NoMapping },
        Place::Jit { space: 0, address: 9, check: Check::None },
    ];
    let local = local();
    let names = RawAddresses::new(Some(local)).names(&table, &places);
    let reasons: Vec<_> = names.iter().map(|named| named.reason).collect();
    let expected = [Reason::NotAsked, Reason::NoSymbol, Reason::NoMapping, Reason::NoJitMap];
    assert_eq!(reasons, expected.map(Some));
    let modules: Vec<_> = names.iter().map(|named| named.module.as_str()).collect();
    assert_eq!(modules, ["", "[vdso]", "", "[jit]"]);
    let names = RawAddresses::<LocalSymbolizer>::new(None).names(&table, &places[1..2]);
    assert_eq!(names[0].reason, Some(Reason::NotAsked));
}

/// How often the kernel was asked, on this thread.
mod asked {
    use std::cell::Cell;

    thread_local!(static ADDRESSES: Cell<usize> = const { Cell::new(0) });

    pub(super) fn ask(addresses: &[u64]) -> Option<Vec<String>> {
        ADDRESSES.set(ADDRESSES.get() + addresses.len());
        Some(addresses.iter().map(|_| String::from("schedule+0x0/0x10")).collect())
    }

    pub(super) fn count() -> usize {
        ADDRESSES.get()
    }
}

#[test]
fn what_was_named_in_an_earlier_cut_is_not_asked_for_again() {
    use super::Symbolize;
    use crate::Place;
    let table = crate::ProcessTable::without_proc();
    let mut local = local().ask_kernel(asked::ask);
    let place = |at: u64| Place::Kernel { address: 0xffff_ffff_8100_0000 + at };
    let mut name = |places: &[Place], cut: bool| {
        if cut {
            local.begin_cut();
        }
        (local.names(&table, places), asked::count(), local.kept_bytes())
    };
    let (first, once, _) = name(&[place(1), place(2)], false);
    if once == 0 {
        return skipped("the kernel shows no addresses");
    }
    let (_, twice, kept) = name(&[place(1), place(2)], false);
    assert_eq!((once, twice, kept), (2, 4, 0), "without cuts nothing is kept");
    assert_eq!(name(&[place(1), place(2)], true).1, 6);
    let (again, count, kept) = name(&[place(2), place(3), place(1)], true);
    assert_eq!(count, 7, "one is new");
    assert!(kept > 0);
    assert_eq!((&again[0], &again[2]), (&first[1], &first[0]));
}

#[test]
fn a_file_is_named_from_earlier_cuts_until_it_changes() {
    let fixture =
        Fixture::new("a.c", "int work(void) { return 1; } int main(void) { return work(); }");
    fixture.run("gcc", &["-g", "-o", "a", "a.c"]);
    let file = fixture.mapped("a");
    let addresses = [fixture.address("a", "work"), fixture.address("a", "main")];
    let mut local = local();
    let first = local.file(&file, &addresses[..1]);
    for _ in 0..3 {
        local.begin_cut();
        assert_eq!(local.file(&file, &addresses[..1]), first);
    }
    let before = local.kept_bytes();
    assert!(before > 0);
    let both = local.file(&file, &addresses);
    assert_eq!((chain(&both[0]), chain(&both[1])), ("work".to_owned(), "main".to_owned()));
    assert!(local.kept_bytes() > before);
    // Another file at the same path and address.
    fixture.run("strip", &["a"]);
    let stripped = local.file(&fixture.mapped("a"), &addresses[..1]);
    assert_eq!(stripped[0].reason, Some(Reason::Stripped));
}

#[test]
fn names_have_their_time_again_in_each_cut() {
    use super::Symbolize;
    let fixture =
        Fixture::new("a.c", "int work(void) { return 1; } int main(void) { return work(); }");
    fixture.run("gcc", &["-g", "-o", "a", "a.c"]);
    let (file, work) = (fixture.mapped("a"), fixture.address("a", "work"));
    let mut local = local();
    local.begin_cut();
    local.spend_all_time();
    assert_eq!(local.file(&file, &[work])[0].reason, Some(Reason::NoTime));
    assert_eq!(Symbolize::warnings(&local)[0].file, "1 addresses");
    local.begin_cut();
    assert_eq!(local.file(&file, &[work])[0].lines[0].line, 1, "what was cut short is not kept");
}

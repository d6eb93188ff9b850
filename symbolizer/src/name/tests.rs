//! Names of small programs that are compiled here, and of malformed input.

mod debugfiles;
mod debuginfod;
mod go;
mod hostile;
mod kernel;
mod languages;
mod symbols;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use elf::{Bytes, Image};

use super::{LocalSymbolizer, NameOptions, Named};
use crate::process::tests::skipped;
use crate::{MappedFile, Reason};

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
        handle: Some(handle),
        reason: None,
        build_id,
        segments: Vec::new(),
        root: None,
    }
}

fn name(file: &MappedFile, address: u64) -> Named {
    LocalSymbolizer::new(NameOptions::default()).file(file, &[address]).remove(0)
}

/// `inner < outer`, innermost first.
fn chain(named: &Named) -> String {
    named.lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>().join(" < ")
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
        Place::Jit { space: 0, address: 9 },
    ];
    let local = LocalSymbolizer::new(NameOptions::default());
    let names = RawAddresses::new(Some(local)).names(&table, &places);
    let reasons: Vec<_> = names.iter().map(|named| named.reason).collect();
    let expected = [Reason::NotAsked, Reason::NoSymbol, Reason::NoMapping, Reason::NoJitMap];
    assert_eq!(reasons, expected.map(Some));
    let modules: Vec<_> = names.iter().map(|named| named.module.as_str()).collect();
    assert_eq!(modules, ["", "[vdso]", "", "[jit]"]);
    let names = RawAddresses::<LocalSymbolizer>::new(None).names(&table, &places[1..2]);
    assert_eq!(names[0].reason, Some(Reason::NotAsked));
}

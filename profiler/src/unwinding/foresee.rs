//! The files that a command will map as code, as far as its program tells before it starts: the program itself, the
//! dynamic linker and the libraries that they name. A file that is missed here gets its table when it is mapped.

use elf::{Bytes, Image};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use symbolizer::opening::regular;

/// The most files that are read.
const MOST: usize = 256;
/// The most names of files, and the most directories, that are taken from a file.
const MOST_NAMES: usize = 256;
/// The largest section that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// The longest path, and the longest list of directories, in bytes.
const LONGEST: usize = 4 << 10;
const LONGEST_LIST: usize = 64 << 10;
/// The usual directories of libraries.
const DIRECTORIES: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/local/lib",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];
const NEEDED: u64 = 1;
const RPATH: u64 = 15;
const RUNPATH: u64 = 29;

/// A file that will be mapped.
#[derive(Debug)]
pub(super) struct Foreseen {
    pub(super) file: File,
    /// The virtual addresses of its code.
    pub(super) code: Vec<Range<u64>>,
}

/// The names of other files in an ELF file.
#[derive(Debug, Default)]
pub(super) struct Names {
    linker: Option<PathBuf>,
    needed: Vec<OsString>,
    directories: Vec<PathBuf>,
}

/// The files of a program. The program is looked for as a shell does.
pub(super) fn files(program: &OsStr) -> Vec<Foreseen> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting: Vec<PathBuf> = interpreted(search(program)).into_iter().collect();
    while let Some(path) = waiting.pop() {
        let Ok(path) = path.canonicalize() else { continue };
        if found.len() >= MOST || !seen.insert(path.clone()) {
            continue;
        }
        let Some((foreseen, names)) = read(&path) else { continue };
        found.push(foreseen);
        waiting.extend(names.linker.clone());
        waiting.extend(names.needed.iter().filter_map(|name| names.find(name)));
    }
    found
}

/// The path of a program.
fn search(program: &OsStr) -> PathBuf {
    let path = Path::new(program);
    if program.as_bytes().contains(&b'/') {
        return path.to_owned();
    }
    let all = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&all).map(|directory| directory.join(path));
    candidates.into_iter().find(|path| path.is_file()).unwrap_or_default()
}

/// The interpreter of a script; if that is `env`, the program that `env` runs. A file that is no script stands for
/// itself.
pub(super) fn interpreted(program: PathBuf) -> Vec<PathBuf> {
    let mut start = Vec::new();
    let Ok(file) = regular(&program) else { return Vec::new() };
    if file.take(256).read_to_end(&mut start).is_err() || !start.starts_with(b"#!") {
        return vec![program];
    }
    let line = start[2..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let Some(interpreter) = words.next().map(|word| PathBuf::from(OsStr::from_bytes(word))) else {
        return Vec::new();
    };
    match words.next() {
        Some(word) if interpreter.ends_with("env") => vec![search(OsStr::from_bytes(word))],
        _ => vec![interpreter],
    }
}

fn read(path: &Path) -> Option<(Foreseen, Names)> {
    let file = regular(path).ok()?;
    let image = Image::parse(Bytes::File(&file)).ok()?;
    let code = image.sections.iter().filter(|section| section.is_code());
    let code = code.map(|section| section.address..section.end()).collect();
    let names = Names::of(&image, path);
    drop(image);
    Some((Foreseen { file, code }, names))
}

impl Names {
    pub(super) fn of(image: &Image<'_>, path: &Path) -> Self {
        let data = |name| image.section(name).and_then(|section| image.data(section, LARGEST));
        let string = |bytes: &[u8], most: usize| -> Vec<u8> {
            bytes.iter().copied().take(most).take_while(|byte| *byte != 0).collect()
        };
        let mut names = Self {
            linker: data(".interp").map(|bytes| OsString::from_vec(string(&bytes, LONGEST)).into()),
            ..Self::default()
        };
        let (Some(dynamic), Some(strings)) = (data(".dynamic"), data(".dynstr")) else {
            return names;
        };
        let (entries, _) = dynamic.as_chunks::<16>();
        for entry in entries.iter().take(4 * MOST) {
            let [tag, value] = [0, 8].map(|at| {
                let bytes = entry[at..].first_chunk().expect("sixteen bytes");
                u64::from_le_bytes(*bytes)
            });
            let Some(text) = usize::try_from(value).ok().and_then(|at| strings.get(at..)) else {
                continue;
            };
            match tag {
                NEEDED if names.needed.len() < MOST_NAMES => {
                    names.needed.push(OsString::from_vec(string(text, LONGEST)));
                }
                RPATH | RUNPATH => names.add_directories(&string(text, LONGEST_LIST), path),
                _ => {}
            }
        }
        names
    }

    fn add_directories(&mut self, list: &[u8], path: &Path) {
        let origin = path.parent().unwrap_or(Path::new("/"));
        let short = |text: &&[u8]| (1..=LONGEST).contains(&text.len());
        for directory in list.split(|byte| *byte == b':').filter(short) {
            let text = String::from_utf8_lossy(directory);
            let text = text.replace("${ORIGIN}", "$ORIGIN");
            let text = text.replace("$ORIGIN", &origin.to_string_lossy());
            if text.len() <= LONGEST && self.directories.len() < MOST_NAMES {
                self.directories.push(text.into());
            }
        }
    }

    /// The number of names and directories.
    #[cfg(feature = "fuzzing")]
    pub(super) fn len(&self) -> usize {
        usize::from(self.linker.is_some()) + self.needed.len() + self.directories.len()
    }

    /// The path of a library.
    fn find(&self, name: &OsStr) -> Option<PathBuf> {
        if name.as_bytes().contains(&b'/') {
            return Some(name.into());
        }
        let usual = DIRECTORIES.iter().map(PathBuf::from);
        let all = self.directories.iter().cloned().chain(usual);
        all.map(|directory| directory.join(name)).find(|path| path.is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_its_linker_and_its_libraries() {
        let own = std::env::current_exe().unwrap();
        let files = files(own.as_os_str());
        // The test itself, the dynamic linker, libc and libgcc_s.
        assert!(files.len() >= 4, "{files:?}");
        assert!(files.iter().all(|file| !file.code.is_empty()));
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        assert!(search(OsStr::new("sh")).is_absolute());
        assert_eq!(search(OsStr::new("./sh")), Path::new("./sh"));
        assert_eq!(search(OsStr::new("there is no such program")), Path::new(""));
        assert!(files(OsStr::new("there is no such program")).is_empty());
        assert!(files(OsStr::new("/dev/zero")).is_empty());
    }

    /// A file with a `.dynamic` of these entries and a `.dynstr` of this text, as section headers that no loader looks at.
    fn file(entries: &[(u64, u64)], strings: &[u8]) -> Vec<u8> {
        let names = b"\0.dynamic\0.dynstr\0";
        let dynamic: Vec<u8> = entries
            .iter()
            .flat_map(|(tag, value)| [*tag, *value])
            .flat_map(u64::to_le_bytes)
            .collect();
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        let mut headers = vec![0; 64];
        for (name, content) in [(1_u32, &dynamic[..]), (10, strings), (0, names)] {
            let mut header = [0; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[24..32].copy_from_slice(&(file.len() as u64).to_le_bytes());
            header[32..40].copy_from_slice(&(content.len() as u64).to_le_bytes());
            headers.extend(header);
            file.extend(content);
        }
        file[18] = 62;
        let table = (file.len() as u64).to_le_bytes();
        file[40..48].copy_from_slice(&table);
        file[58..64].copy_from_slice(&[64, 0, 4, 0, 3, 0]);
        file.extend(headers);
        file
    }

    #[test]
    fn no_file_names_more_than_can_be_looked_for() {
        let mut strings = b"$ORIGIN/a:".repeat(5_000);
        strings.extend(b"libc.so.6\0");
        strings.resize(1 << 20, b'x');
        let mut entries = vec![(NEEDED, 50_000), (RUNPATH, 0)];
        entries.extend((0..1000).flat_map(|_| [(NEEDED, 60_000), (RPATH, 0)]));
        let file = file(&entries, &strings);
        let image = Image::parse(Bytes::Memory(&file)).unwrap();
        let names = Names::of(&image, Path::new("/opt/b/program"));
        assert_eq!(names.needed[0], "libc.so.6");
        assert_eq!(names.directories[0], Path::new("/opt/b/a"));
        assert_eq!((names.needed.len(), names.directories.len()), (MOST_NAMES, MOST_NAMES));
        assert!(names.needed.iter().all(|name| name.len() <= LONGEST));
    }

    #[test]
    fn a_script_is_its_interpreter() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        for (line, expected) in [
            ("#!/bin/sh -e\n", PathBuf::from("/bin/sh")),
            ("#! /usr/bin/env sh\n", search(OsStr::new("sh"))),
        ] {
            std::fs::write(&script, line).unwrap();
            assert_eq!(interpreted(script.clone()), [expected]);
        }
    }
}

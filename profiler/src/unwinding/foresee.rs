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
/// The largest section that is read, in bytes.
const LARGEST: u64 = 1 << 20;
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
struct Names {
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
fn interpreted(program: PathBuf) -> Vec<PathBuf> {
    let mut start = Vec::new();
    let Ok(file) = regular(None, &program) else { return Vec::new() };
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
    let file = regular(None, path).ok()?;
    let image = Image::parse(Bytes::File(&file)).ok()?;
    let code = image.sections.iter().filter(|section| section.is_code());
    let code = code.map(|section| section.address..section.end()).collect();
    let names = Names::of(&image, path);
    drop(image);
    Some((Foreseen { file, code }, names))
}

impl Names {
    fn of(image: &Image<'_>, path: &Path) -> Self {
        let data = |name| image.section(name).and_then(|section| image.data(section, LARGEST));
        let string = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().unwrap_or(&[]).to_vec();
        let mut names = Self {
            linker: data(".interp").map(|bytes| OsString::from_vec(string(&bytes)).into()),
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
                NEEDED => names.needed.push(OsString::from_vec(string(text))),
                RPATH | RUNPATH => names.add_directories(&string(text), path),
                _ => {}
            }
        }
        names
    }

    fn add_directories(&mut self, list: &[u8], path: &Path) {
        let origin = path.parent().unwrap_or(Path::new("/"));
        for directory in list.split(|byte| *byte == b':').filter(|text| !text.is_empty()) {
            let text = String::from_utf8_lossy(directory);
            let text = text.replace("${ORIGIN}", "$ORIGIN");
            self.directories.push(text.replace("$ORIGIN", &origin.to_string_lossy()).into());
        }
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

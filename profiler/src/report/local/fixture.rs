//! A library of one function, built by the tests.

use elf::{Bytes, Image};
use output::Mapping;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

/// The library, and where its code lies.
pub(in crate::report) struct Library {
    _dir: tempfile::TempDir,
    path: PathBuf,
    build_id: Vec<u8>,
    /// Address, offset in the file and size of the code, which is the function `hot`.
    pub(in crate::report) text: (u64, u64, u64),
}

impl Library {
    /// Builds it with gcc, with a build ID.
    pub(in crate::report) fn built() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (source, path) = (dir.path().join("library.c"), dir.path().join("library.so"));
        std::fs::write(&source, "int hot(int a) { return a * 3; }\n").unwrap();
        let flags = ["-O1", "-fPIC", "-shared", "-nostdlib", "-Wl,--build-id", "-o"];
        assert!(
            Command::new("gcc").args(flags).arg(&path).arg(&source).status().unwrap().success()
        );
        let file = File::open(&path).unwrap();
        let image = Image::parse(Bytes::File(&file)).unwrap();
        let text = image.section(".text").unwrap();
        let text = (text.address, text.offset, text.size);
        Self { build_id: image.build_id().unwrap(), _dir: dir, path, text }
    }

    /// The mapping of its code from `start` on.
    pub(in crate::report) fn mapping(&self, start: u64) -> Mapping {
        Mapping {
            start,
            end: start + self.text.2,
            offset: self.text.1,
            file: self.path.to_str().unwrap().to_owned(),
            build_id: self.build_id.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

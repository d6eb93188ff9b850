//! Rules of real files beside gimli's own rows, by the same comparison as `examples/differential`.

#[path = "../../examples/differential/compare.rs"]
mod compare;
#[path = "../../examples/differential/machine.rs"]
mod machine;
#[path = "../../examples/programs/mod.rs"]
mod programs;

use std::path::PathBuf;

use super::{FrameKind, Frames};
use crate::rule::registers::SPARE;
use crate::rule::{Cfa, Restore, ReturnAddress, Rule};
use crate::table::{Code, Source, Table};

pub(super) use compare::{Comparison, compare};
use programs::Elf;

/// This test's own program and the libraries that it runs with: C, assembly with its own expressions, Rust.
fn files() -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    programs::files(maps.lines().filter_map(|line| line.find('/').map(|at| line[at..].into())))
}

#[test]
fn rules_of_what_runs_here_are_gimlis() {
    let mut all = Comparison::default();
    let mut files_read = 0;
    for path in files() {
        let Some(file) = Elf::read(&path) else { continue };
        // Other tests map files of their own.
        let Some((bytes, address)) = file.section(".eh_frame") else { continue };
        let code = Code::new(file.code.iter().cloned()).unwrap();
        let (text, got) = (file.address(".text"), file.address(".got"));
        let frames = Frames { text, got, ..Frames::eh(bytes, address) };
        let read = frames.rules(&code);
        assert_eq!((read.figures.malformed, read.figures.stopped), (0, None), "{}", path.display());
        let table = Table::build(&code, &[&read.source]);
        let comparison = compare(&frames, &code, &table);
        assert_eq!(comparison.described, [""; 0], "{}", path.display());
        assert!(table.memory() <= table.rows().len() * 5 + 4096, "{}", path.display());
        all.add(&comparison);
        files_read += 1;
    }
    let inexpressible: u64 = all.inexpressible.values().sum();
    assert!(files_read >= 3 && all.addresses > 100_000, "{files_read} files: {all:?}");
    assert!(inexpressible * 1000 < all.addresses && all.not_computed == 0, "{all:?}");
    // The dynamic linker's stubs build on the spare register.
    assert!(all.spare > 1000, "{all:?}");
}

/// The comparison finds what differs: one wrong rule, one missing rule.
#[test]
fn a_wrong_table_is_found() {
    let path = files().into_iter().find(|path| path.to_string_lossy().contains("libc")).unwrap();
    let file = Elf::read(&path).unwrap();
    let (bytes, address) = file.section(".eh_frame").unwrap();
    let code = Code::new(file.code.iter().cloned()).unwrap();
    let frames = Frames::eh(bytes, address);
    let right = frames.rules(&code).source;
    let table = Table::build(&code, &[&right]);
    let (range, _) = table.ranges().nth(1000).unwrap();
    let mut wrong = Source::new(&code);
    wrong.push(range.clone(), &Rule::of(Cfa::Register { register: 7, offset: 0x123 }));
    let comparison = compare(&frames, &code, &Table::build(&code, &[&wrong, &right]));
    assert!((1..=3).contains(&comparison.different), "{comparison:?}");
    let empty = compare(&frames, &code, &Table::build(&code, &[]));
    assert_eq!((empty.equal, empty.different), (0, empty.addresses));
}

//! Code that exists both in C and in Rust does the same.

use crate::native::{self, NO_MAPPING, Snapshot, Walker};
use crate::sampler::{CodeMapping, SpaceName, Way};
use crate::unwind::eh_frame::Frames;
use crate::unwind::rule::Compact;
use crate::unwind::synth::is_call_before;
use crate::unwind::table::{Code, Table};
use programs::Elf;
use std::path::PathBuf;

#[path = "../../../unwind/examples/programs/mod.rs"]
mod programs;

const PROCESS: SpaceName = SpaceName { pid: 4711, start: 99 };

#[test]
fn calls_are_told_by_the_same_bits() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut calls = 0;
    for round in 0..1_000_000_u64 {
        // Most words have the opcode of a call in a place where it may be.
        let opcode = if round % 2 == 0 { 0xff } else { 0xe8 };
        let at = 8 * (round % 9);
        let word = random.u64(..);
        let word = if at == 64 { word } else { word & !(0xff << at) | opcode << at };
        assert_eq!(native::is_call_before(word), is_call_before(word), "{word:#x}");
        calls += usize::from(is_call_before(word));
    }
    assert!(calls > 40_000, "{calls}");
    // Every second byte is combined with every third one, at every place.
    for place in 0..7 {
        for pair in 0..=u16::MAX {
            let word = (0xff | u64::from(pair) << 8) << (8 * place) | 0x90 << 56;
            let word = if place == 6 { word & !(0xff << 56) | 0xd0 << 56 } else { word };
            assert_eq!(native::is_call_before(word), is_call_before(word), "{word:#x}");
        }
    }
}

/// The libraries that this test runs with, and their tables.
fn tables() -> Vec<(Code, Table)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let paths: Vec<PathBuf> =
        maps.lines().filter_map(|line| line.find('/').map(|at| line[at..].into())).collect();
    let files =
        programs::files(paths.into_iter().filter(|path| path.to_string_lossy().contains(".so")));
    let table = |path: &PathBuf| {
        let file = Elf::read(path)?;
        let (bytes, address) = file.section(".eh_frame")?;
        let code = Code::new(file.code.iter().cloned()).ok()?;
        let (text, got) = (file.address(".text"), file.address(".got"));
        let frames = Frames { text, got, ..Frames::eh(bytes, address) };
        let table = Table::build(&code, &[&frames.rules(&code).source]);
        Some((code, table))
    };
    files.iter().filter_map(table).collect()
}

/// Addresses of a file's code: the bounds of its rows, and random ones.
fn addresses(code: &Code, table: &Table) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(2);
    let mut all: Vec<u64> = table
        .ranges()
        .flat_map(|(range, _)| [range.start - 1, range.start, range.end - 1, range.end])
        .collect();
    let span = code.end() - code.base();
    all.extend((0..100_000).map(|_| code.base() + random.u64(..) % span));
    all.retain(|address| code.within(*address..*address + 1).next().is_some());
    all
}

#[test]
fn tables_are_searched_alike() {
    let mut walker = Walker::new().unwrap();
    let files = tables();
    assert!(files.len() >= 2, "{} files", files.len());
    let installed: Vec<_> = files
        .iter()
        .map(|(_, table)| walker.tables().install(table).unwrap().expect("there is room"))
        .collect();
    let bias = |number: usize| 0x7000_0000_0000 + (number as u64) * 0x1_0000_0000;
    let mappings: Vec<CodeMapping<'_>> = files
        .iter()
        .zip(&installed)
        .enumerate()
        .flat_map(|(number, ((code, _), table))| {
            let way = Way::Rules { table, bias: bias(number) };
            code.ranges().iter().map(move |range| CodeMapping {
                start: range.start + bias(number),
                end: range.end + bias(number),
                way,
            })
        })
        .collect();
    assert!(walker.tables().set_space(PROCESS, &mappings, &[]).unwrap());
    let snapshot = Snapshot::of(PROCESS);
    let mut compared = 0;
    for (number, (code, table)) in files.iter().enumerate() {
        let all = addresses(code, table);
        let biased: Vec<u64> = all.iter().map(|address| address + bias(number)).collect();
        for (address, rule) in all.iter().zip(walker.rules(&snapshot, &biased)) {
            assert_eq!(rule.rule(), table.look_up(*address), "{address:#x} of file {number}");
            compared += usize::from(rule != Compact::NONE);
        }
    }
    assert!(compared > 100_000, "{compared}");
    let mut outside = vec![0, bias(0) - 1, bias(files.len()), u64::MAX];
    outside.extend(mappings.iter().flat_map(|mapping| [mapping.start - 1, mapping.end]));
    assert!(walker.rules(&snapshot, &outside).iter().all(|rule| *rule == NO_MAPPING));
}

//! Records where `testdata/programs/unwound` stops, and what must be found there: `record_unwound PROGRAM DIRECTORY`.
//! Nothing is written where something else is found.

#![expect(clippy::print_stdout, reason = "an example that prints")]

mod cases;
#[expect(dead_code, reason = "other examples need more of it")]
#[path = "../../unwind/examples/programs/mod.rs"]
mod programs;
mod traced;

use bpf::native::Snapshot;
use bpf::native::golden::{Found, Golden, Known, Mapping};
use bpf::unwind::eh_frame::Frames;
use bpf::unwind::rule::Compact;
use bpf::unwind::signal_return;
use bpf::unwind::synth::{Input, Segment, Uncovered, function_symbols, synthesise};
use bpf::unwind::table::{Code, Table};
use bpf::{Frame, SpaceName};
use cases::{CASES, Case};
use programs::Elf;
use std::collections::BTreeSet;
use std::error::Error;
use std::ops::Range;
use std::path::Path;
use traced::{Map, Traced};

const PROCESS: SpaceName = SpaceName { pid: 100, start: 7 };

/// All rules of the program, with those that are synthesised or without.
fn rules(file: &Elf, synthesises: bool) -> Option<Vec<(Range<u64>, Compact)>> {
    let code = Code::new(file.code.iter().cloned()).ok()?;
    let (frames, address) = file.section(".eh_frame")?;
    let (text, text_address) = file.section(".text")?;
    let own = Frames { text: text_address, ..Frames::eh(frames, address) }.rules(&code).source;
    let signals = signal_return::rules(&[(text, text_address)], &code);
    let covered: Vec<_> = own.covered().collect();
    let memory = vec![Segment { address: text_address, bytes: text }];
    let made = synthesise(&Input {
        code: &code,
        memory: &memory,
        fixed: true,
        uncovered: &Uncovered::read(&code, &memory, &covered),
        plt: &[],
        functions: &function_symbols(file.section(".symtab")?.0),
        pointers: &[],
    });
    let made = made.source(&code);
    let sources = [&own, &signals, &made];
    let table = Table::build(&code, if synthesises { &sources } else { &sources[..2] });
    Some(table.ranges().collect())
}

/// Functions by address.
fn functions(file: &Elf) -> Option<Vec<(u64, String)>> {
    let (symbols, names) = (file.section(".symtab")?.0, file.section(".strtab")?.0);
    let function = |symbol: &[u8]| {
        let name = u32::from_le_bytes(symbol[..4].try_into().ok()?);
        let name = names.get(name as usize..)?.split(|byte| *byte == 0).next()?;
        let address = u64::from_le_bytes(symbol[8..16].try_into().ok()?);
        (symbol[4] & 15 == 2).then(|| (address, String::from_utf8_lossy(name).into_owned()))
    };
    let mut all: Vec<_> = symbols.chunks_exact(24).filter_map(function).collect();
    all.sort();
    Some(all)
}

/// Whether a piece of memory is recorded.
fn has_stacks(map: &Map) -> bool {
    map.of.is_empty() && !map.executable || map.of == "[stack]"
}

/// The program at its stop. Of the code only what stands before return addresses is kept, and the rules of those places.
fn record(program: &Path, file: &Elf, case: &Case) -> Result<Golden, Box<dyn Error>> {
    let traced = Traced::start(program, case.which)?;
    let begin = traced.registers()?.sp;
    (0..case.stop).try_for_each(|_| traced.resume())?;
    let registers = traced.registers()?;
    let maps = traced.maps()?;
    let mut memory = Vec::new();
    let mut places = BTreeSet::from([registers.ip]);
    for map in maps.iter().filter(|map| has_stacks(map)) {
        let mut bytes = traced.read(&map.range)?;
        // What the kernel put there is another each time.
        if map.range.contains(&begin) {
            bytes[(begin - map.range.start) as usize..].fill(0);
        }
        let words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        places.extend(
            words.filter(|word| maps.iter().any(|m| m.executable && m.range.contains(word))),
        );
        memory.push((map.range.start, bytes));
    }
    for place in &places {
        // At a mapping's start there may be nothing before it.
        memory.extend(traced.read(&(place - 8..*place)).ok().map(|bytes| (place - 8, bytes)));
    }
    let mut rules = rules(file, case.with.synthesises()).ok_or("no rules")?;
    rules.retain(|(range, _)| {
        places.iter().any(|at| range.contains(at) || range.contains(&(at - 1)))
    });
    let mappings = maps.iter().filter(|map| map.executable && !map.of.starts_with('['));
    let mappings = mappings.map(|map| Mapping {
        range: map.range.clone(),
        known: if map.of.is_empty() { Known::Made } else { Known::Rules(rules.clone()) },
    });
    let snapshot = Snapshot { registers, memory, ..Snapshot::of(PROCESS) };
    let (flags, frames) = (case.flags(), Vec::new());
    let mut golden = Golden { snapshot, mappings: mappings.collect(), flags, frames };
    case.with.change(&mut golden);
    Ok(golden)
}

/// Adds the frames that are found; an error where they are not those that must be.
fn fill(golden: &mut Golden, file: &Elf, case: &Case) -> Result<(), Box<dyn Error>> {
    let functions = functions(file).ok_or("no symbols")?;
    let name = |frame: &Frame| {
        // Where signal handlers return to begins with the return address.
        let begins = functions.iter().any(|(start, _)| *start == frame.address);
        let address = if begins { frame.address } else { frame.lookup() };
        let inside = file.code.iter().any(|range| range.contains(&address));
        let at = functions.partition_point(|(start, _)| *start <= address);
        if inside && at > 0 { functions[at - 1].1.clone() } else { "[made]".to_owned() }
    };
    let walked = golden.walk()?;
    let found = walked.frames.iter().map(|frame| Found {
        address: frame.address,
        trust: frame.trust,
        name: name(frame),
    });
    golden.frames = found.collect();
    let found: Vec<_> = golden.frames.iter().map(|f| (f.name.as_str(), f.trust)).collect();
    if found != case.frames() || walked.flags != golden.flags {
        return Err(format!("{}: {found:?} {:x?}", case.name, walked.flags).into());
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let [program, directory] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("record_unwound PROGRAM DIRECTORY".into());
    };
    let (program, directory) = (Path::new(program), Path::new(directory));
    let file = Elf::read(program).ok_or("no program")?;
    let mut wrong = 0;
    for case in CASES {
        let mut golden = record(program, &file, case)?;
        match fill(&mut golden, &file, case) {
            Ok(()) => {
                std::fs::write(directory.join(case.name).with_extension("txt"), golden.to_string())?
            }
            Err(error) => {
                wrong += 1;
                println!("{error}");
            }
        }
    }
    println!("{} recorded, {wrong} wrong", CASES.len() - wrong);
    if wrong == 0 { Ok(()) } else { Err("something else was found".into()) }
}

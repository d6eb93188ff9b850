//! Whether looked-up rules are what gimli's own rows say: `differential FILE|DIRECTORY...`, over every function
//! entry of every ELF file there. Ends with 1 where one differs or too many cannot be expressed.

#![expect(clippy::print_stdout, reason = "an example's output")]

mod compare;
mod machine;
#[path = "../programs/mod.rs"]
mod programs;

use std::path::PathBuf;
use std::process::ExitCode;

use compare::{Comparison, compare};
use programs::Elf;
use unwind::eh_frame::{FrameKind, Frames};
use unwind::rule::registers::SPARE;
use unwind::rule::{Cfa, Restore, ReturnAddress, Rule};
use unwind::table::{Code, Table};

/// Of so many addresses at most one may be inexpressible.
const EXPRESSIBLE: u64 = 1000;

fn main() -> ExitCode {
    let mut all = Comparison::default();
    let (mut sections, mut memory, mut rows) = (0, 0, 0);
    for path in programs::files(std::env::args_os().skip(1).map(PathBuf::from)) {
        let Some(file) = Elf::read(&path) else { continue };
        let Ok(code) = Code::new(file.code.iter().cloned()) else { continue };
        for frames in frames(&file) {
            let read = frames.rules(&code);
            let table = Table::build(&code, &[&read.source]);
            if read.figures.malformed > 0 || read.figures.stopped.is_some() {
                println!("{}: {:?}", path.display(), read.figures);
            }
            let comparison = compare(&frames, &code, &table);
            for line in &comparison.described {
                println!("{}: {line}", path.display());
            }
            all.add(&comparison);
            sections += 1;
            memory += table.memory();
            rows += table.rows().len();
        }
    }
    println!("{sections} sections, {rows} rows, {memory} bytes of tables");
    if report(&all) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn frames(file: &Elf) -> Vec<Frames<'_>> {
    let (text, got) = (file.address(".text"), file.address(".got"));
    let eh = file.section(".eh_frame");
    let eh = eh.map(|(bytes, address)| Frames { text, got, ..Frames::eh(bytes, address) });
    let debug = file.section(".debug_frame").map(|(bytes, _)| Frames::debug(bytes));
    eh.into_iter().chain(debug).collect()
}

/// Prints the figures; whether they are good.
fn report(all: &Comparison) -> bool {
    let inexpressible: u64 = all.inexpressible.values().sum();
    println!(
        "{} entries, {} addresses: {} equal ({} with the spare register), {inexpressible} not expressible, {} different",
        all.entries, all.addresses, all.equal, all.spare, all.different
    );
    println!("{} not computed by gimli, {} in gaps", all.not_computed, all.gaps);
    for (kind, count) in &all.inexpressible {
        println!("{count:8} not expressible: {kind}");
    }
    all.addresses > 0
        && all.different == 0
        && inexpressible.saturating_mul(EXPRESSIBLE) <= all.addresses
}

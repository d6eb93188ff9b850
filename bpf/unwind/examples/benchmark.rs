//! The cost of building tables, compared with a bare walk over all rows with gimli, and the size of the tables:
//! `benchmark FILE...`. Times are the best of a few runs, taken in turns; the ratio is the median of those of neighbouring
//! runs, which other load on the machine disturbs least.

#![expect(clippy::print_stdout, reason = "an example's output")]

mod programs;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gimli::{CieOrFde, EhFrame, Register, UnwindContext, UnwindSection};
use programs::Elf;
use unwind::eh_frame::Frames;
use unwind::table::{Code, Table};

const RUNS: usize = 21;

fn main() {
    println!("  gimli ms  table ms  ratio   gimli rows   our rows  rules  bytes a row  file");
    for path in programs::files(std::env::args_os().skip(1).map(PathBuf::from)) {
        let Some(file) = Elf::read(&path) else { continue };
        let Some((bytes, address)) = file.section(".eh_frame") else { continue };
        let Ok(code) = Code::new(file.code.iter().cloned()) else { continue };
        let (text, got) = (file.address(".text"), file.address(".got"));
        let frames = Frames { text, got, ..Frames::eh(bytes, address) };
        let (mut walked, mut built) = (Duration::MAX, Duration::MAX);
        let (mut gimli_rows, mut table) = (0, Table::default());
        let mut ratios = Vec::new();
        for _ in 0..RUNS {
            let begin = Instant::now();
            gimli_rows = black_box(walk(&frames));
            let bare = begin.elapsed();
            let begin = Instant::now();
            table = black_box(Table::build(&code, &[&frames.rules(&code).source]));
            let ours = begin.elapsed();
            ratios.push(ours.as_secs_f64() / bare.as_secs_f64());
            (walked, built) = (walked.min(bare), built.min(ours));
        }
        ratios.sort_by(f64::total_cmp);
        let (rows, ms) = (table.rows().len(), |time: Duration| time.as_secs_f64() * 1e3);
        println!(
            "{:10.1} {:9.1} {:6.2} {gimli_rows:12} {rows:10} {:6} {:12.2}  {}",
            ms(walked),
            ms(built),
            ratios[RUNS / 2],
            table.rules().len(),
            table.memory() as f64 / rows.max(1) as f64,
            path.display()
        );
    }
}

/// Walks over all rows and looks at what a walk of a stack needs; how many there are.
fn walk(frames: &Frames<'_>) -> u64 {
    let mut section = EhFrame::new(frames.bytes, gimli::LittleEndian);
    section.set_address_size(8);
    let bases = gimli::BaseAddresses::default()
        .set_eh_frame(frames.address)
        .set_text(frames.text)
        .set_got(frames.got);
    let mut context = UnwindContext::new();
    let mut entries = section.entries(&bases);
    let mut count = 0;
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(entry) = partial.parse(EhFrame::cie_from_offset) else { continue };
        let Ok(mut rows) = entry.rows(&section, &bases, &mut context) else { continue };
        while let Ok(Some(row)) = rows.next_row() {
            black_box((row.start_address(), row.cfa()));
            black_box((row.register(Register(6)), row.register(Register(16))));
            count += 1;
        }
    }
    count
}

//! Events beside and instead of the timer.

use crate::folded::has_chain;
use crate::lab;
use crate::pprof_file::{PprofFile, Sample};
use crate::recording::Recording;
use crate::{Skip, tests};

tests!(
    page_faults_beside_the_timer,
    each_call_of_a_function,
    a_function_that_cannot_be_watched_is_named,
);

/// The sum of a value column.
fn sum(pprof: &PprofFile, column: usize) -> i64 {
    pprof.samples.iter().map(|sample| sample.values[column]).sum()
}

/// A program that touches its memory anew, again and again.
fn page_faults_beside_the_timer() -> Result<(), Skip> {
    lab::need_root()?;
    let program = lab::program("known-kernel")?;
    let process = lab::start(std::process::Command::new(program).arg("60"));
    let options = format!("-p {} -d 2s -e profile:hz:499 -e page-faults:10", process.pid());
    let Recording { pprof, ended, .. } = Recording::make(&options, &[]);
    assert_eq!(pprof.sample_types, ["samples/count", "cpu/nanoseconds", "page_faults/count"]);
    let (samples, faults) = (sum(&pprof, 0), sum(&pprof, 2));
    // Two seconds of one CPU, of which others may take their part.
    assert!((100..=1_100).contains(&samples), "{samples} samples: {}", ended.err);
    assert!((1e8..2.2e9).contains(&(sum(&pprof, 1) as f64)), "{}", ended.err);
    assert!(faults > 1_000, "{faults} faults: {}", ended.err);
    let of_faults = |sample: &&Sample| sample.values[2] > 0;
    for sample in pprof.samples.iter().filter(of_faults) {
        assert_eq!(sample.values[2] % 10, 0, "one sample is ten faults");
    }
    let touching: i64 = pprof
        .samples
        .iter()
        .filter(|s| has_chain(&s.stack, &["main", "calls", "faults", "touches"]))
        .map(|s| s.values[2])
        .sum();
    assert!(touching * 100 >= faults * 95, "{touching} of {faults} faults where memory is touched");
    Ok(())
}

/// Children that interrupt each other: no call is missing, but those that are counted as lost.
fn each_call_of_a_function() -> Result<(), Skip> {
    lab::need_root()?;
    let program = lab::program("calls")?;
    let offset = lab::finish(&mut std::process::Command::new(&program)).with_code(0).out;
    let program = program.to_str().expect("a plain path");
    let options = format!("-e uprobe:{program}:{}", offset.trim());
    let Recording { pprof, ended, folded, .. } = Recording::make(&options, &[program, "4", "300"]);
    let calls = sum(&pprof, 1);
    assert_eq!(pprof.sample_types[0], "samples/count");
    assert_eq!(sum(&pprof, 0), calls, "a sample is a call");
    let lost: i64 = match ended.err.split_once(" lost (") {
        Some((before, _)) => {
            let number = before.rsplit(' ').next().expect("a number").replace(',', "");
            number.parse().expect(&ended.err)
        }
        None => 0,
    };
    assert_eq!(calls + lost, 1_200, "{}", ended.err);
    assert!(calls > 1_000, "{}", ended.err);
    let whole = folded.share(|stack| has_chain(stack, &["main", "caller", "called"]));
    assert!(whole > 0.99, "{whole} of {folded:?}");
    Ok(())
}

fn a_function_that_cannot_be_watched_is_named() -> Result<(), Skip> {
    lab::need_root()?;
    let program = lab::program("calls")?;
    let beyond = format!("uprobe:{}:0xffffffffff", program.display());
    for (event, defect) in [
        ("uprobe:/no/such/file:0x10", "there is no such file"),
        (&beyond, "the file has no code at this offset"),
    ] {
        let mut command = lab::command(["record", "-a", "-d", "1", "-e", event]);
        let ended = lab::finish(&mut command).with_code(2);
        assert!(ended.err.contains(&format!("{event}: {defect}")), "{}", ended.err);
    }
    Ok(())
}

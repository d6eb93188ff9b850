//! Functions of Node.js, in a program whose calls are known.

use crate::lab;
use crate::pprof_file::{Frame, Sample};
use crate::recording::Recording;
use crate::{Skip, tests};
use std::path::PathBuf;

tests!(
    calls_are_known_in_every_tier,
    a_running_process_is_read_as_it_is,
    a_perf_map_is_not_needed_twice
);

/// The functions of the program, outermost first: name, line of the definition, line of the call.
const CALLS: [(&str, i64, i64); 13] = [
    ("main", 72, 78),
    ("outer", 68, 69),
    ("generated", 62, 64),
    ("mapped", 56, 57),
    ("each", 57, 58),
    ("(anonymous)", 1, 3),
    ("crowd", 48, 50),
    ("table.inferred", 34, 35),
    ("arrow", 28, 29),
    ("get made", 23, 24),
    ("make", 18, 20),
    ("area", 14, 15),
    ("leaf", 5, 0),
];

/// The arguments that keep code in one tier.
pub(super) const TIERS: [&[&str]; 3] =
    [&[], &["--no-opt", "--no-sparkplug"], &["--always-sparkplug", "--no-opt"]];

fn program() -> String {
    lab::root().join("testdata/programs/known.js").display().to_string()
}

/// The Node.js of this machine, and those beside it.
pub(super) fn nodes() -> Result<Vec<PathBuf>, Skip> {
    let mut all = vec![lab::need("node")?];
    all.extend(lab::others("nodes", "node"));
    Ok(all)
}

/// The functions of the program in a sample, outermost first, from `main` on.
fn chain(sample: &Sample) -> Option<Vec<&Frame>> {
    let own = |frame: &&Frame| frame.file.ends_with("/known.js") || frame.file == "made.js";
    let frames: Vec<&Frame> = sample.frames.iter().filter(own).collect();
    let first = frames.iter().position(|frame| frame.name == "main")?;
    Some(frames[first..].to_vec())
}

/// Whether a chain is the known one, as far as it goes. The last function may be at any of its lines.
fn is_right(chain: &[&Frame]) -> bool {
    let last = chain.len() - 1;
    let same = |(at, (frame, (name, start, line))): (usize, (&&Frame, (&str, i64, i64)))| {
        // The optimizing compilers say the loop's own line for the call in it.
        let close = name == "main" && frame.line == line - 1;
        frame.name == name && frame.start == start && (at == last || close || frame.line == line)
    };
    chain.len() <= CALLS.len() && chain.iter().zip(CALLS).enumerate().all(same)
}

/// At least 99.5 % of the samples in the program have the known chain, and most of them reach the leaf. Else, what is wrong.
fn judge(recording: &Recording, of: &str) -> Result<(), String> {
    let chains: Vec<(Vec<&Frame>, i64)> = recording
        .pprof
        .samples
        .iter()
        .filter_map(|sample| Some((chain(sample)?, sample.values[0])))
        .collect();
    let sum = |wanted: &dyn Fn(&[&Frame]) -> bool| {
        chains.iter().filter(|(chain, _)| wanted(chain)).map(|(_, count)| count).sum::<i64>()
    };
    let (all, known) = (sum(&|_| true), sum(&is_right));
    let whole = sum(&|chain| chain.len() == CALLS.len());
    let wrong = chains.iter().find(|(chain, _)| !is_right(chain));
    lab::figure(format_args!("{of}: {known} of {all} right, {whole} reach the leaf"));
    let good = all > 100 && known * 1000 >= all * 995 && whole * 10 >= all * 8;
    let said = &recording.ended.err;
    let told = || {
        format!("{of}: {known} of {all} right, {whole} reach the leaf; wrong: {wrong:?}; {said}")
    };
    good.then_some(()).ok_or_else(told)
}

fn right(recording: &Recording, of: &str) {
    judge(recording, of).unwrap_or_else(|wrong| panic!("{wrong}"));
}

fn calls_are_known_in_every_tier() -> Result<(), Skip> {
    lab::need_root()?;
    let mut wrong = Vec::new();
    for node in nodes()? {
        let node = node.display().to_string();
        for tier in TIERS {
            let program = program();
            let words: Vec<&str> = [&node[..]]
                .into_iter()
                .chain(tier.iter().copied())
                .chain([&program[..], "3"])
                .collect();
            let of = format!("{node} {tier:?}");
            wrong.extend(judge(&Recording::make("-F 499", &words), &of).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn a_running_process_is_read_as_it_is() -> Result<(), Skip> {
    lab::need_root()?;
    let node = lab::need("node")?;
    let process = lab::start(std::process::Command::new(node).args([&program(), "60"]));
    let recording = Recording::make(&format!("-p {} -d 3s -F 499", process.pid()), &[]);
    right(&recording, "a running process");
    assert!(!recording.ended.err.contains("--perf-basic-prof"), "{}", recording.ended.err);
    Ok(())
}

fn a_perf_map_is_not_needed_twice() -> Result<(), Skip> {
    lab::need_root()?;
    let node = lab::need("node")?.display().to_string();
    let recording = Recording::make("-F 499", &[&node, "--perf-basic-prof", &program(), "3"]);
    right(&recording, "with a perf map");
    let doubled =
        recording.folded.share(|stack| stack.iter().filter(|name| *name == "area").count() > 1);
    assert!(doubled == 0.0, "{doubled}");
    Ok(())
}

//! Kinds of JavaScript functions: a module whose chains of calls are known, and whose worker runs the same ones.

use super::node::{TIERS, nodes};
use crate::lab;
use crate::pprof_file::{Frame, Sample};
use crate::recording::Recording;
use crate::{Skip, tests};
use std::collections::BTreeMap;

tests!(each_kind_of_function_has_its_callers);

/// A function: name, file, line of the definition, line of the call. A line of 0 differs between versions.
type Call = (&'static str, &'static str, i64, i64);

const MODULE: &str = "known.mjs";
/// The line of the function that calls the chains. The module's own code begins at the first line or behind it.
const MAIN: i64 = 217;
/// The line of the one that calls an asynchronous generator.
const CONSUME: i64 = 194;
const SPIN: Call = ("spin", MODULE, 8, 0);

/// The chains, outermost first. The first function tells which chain a sample is of.
const CHAINS: [&[Call]; 9] = [
    &[
        ("classes", MODULE, 52, 53),
        ("Derived", MODULE, 46, 47),
        ("Base", MODULE, 20, 20),
        // Of the fields: V8 gives it different names.
        ("", MODULE, 0, 18),
        ("#hidden", MODULE, 24, 25),
        ("(anonymous)", MODULE, 28, 29),
        ("set value", MODULE, 32, 33),
        ("create", MODULE, 36, 41),
        ("(anonymous)", MODULE, 37, 40),
        ("(anonymous)", MODULE, 38, 39),
        SPIN,
    ],
    &[
        ("callbacks", MODULE, 94, 95),
        ("toJSON", MODULE, 58, 59),
        ("viaReflect", MODULE, 63, 64),
        ("replacer", MODULE, 64, 65),
        ("original", MODULE, 69, 70),
        ("get", MODULE, 74, 75),
        ("compare", MODULE, 75, 76),
        ("coerced", MODULE, 82, 83),
        ("tagged", MODULE, 87, 88),
        ("(anonymous)", MODULE, 88, 89),
        SPIN,
    ],
    &[
        ("texts", MODULE, 108, 109),
        ("scripted", "script.js", 11, 12),
        ("(anonymous)", MODULE, 109, 110),
        ("(anonymous)", "constructed.js", 1, 3),
        ("(anonymous)", MODULE, 110, 111),
        ("inEval", "evaluated.js", 1, 1),
        ("(anonymous)", MODULE, 111, 112),
        ("(anonymous)", "context.js", 1, 2),
        SPIN,
    ],
    &[
        ("internals", MODULE, 124, 125),
        ("emit", "node:events", 0, 0),
        ("listener", MODULE, 120, 121),
        SPIN,
    ],
    &[
        ("closures", MODULE, 147, 148),
        ("(anonymous)", MODULE, 141, 142),
        ("numbers", MODULE, 129, 131),
        ("inner", MODULE, 135, 136),
        SPIN,
    ],
    &[("addon", MODULE, 209, 210), ("called", MODULE, 210, 211), SPIN],
    &[("resumed", MODULE, 180, 182), ("waited", MODULE, 185, 186), SPIN],
    &[("asyncNumbers", MODULE, 189, 191), SPIN],
    &[("processImmediate", "node:internal/timers", 0, 0), ("timed", MODULE, 200, 201), SPIN],
];

/// The chain of many small functions, in which the third has eight names.
const SMALL: [Call; 4] = [
    ("small", MODULE, 171, 174),
    ("hop", MODULE, 167, 168),
    ("hop", MODULE, 0, 0),
    ("bottom", MODULE, 163, 0),
];

/// The functions of a sample that chains have, from the chain's first on; `None`: it has no chain.
fn chain(sample: &Sample) -> Option<Vec<&Frame>> {
    let of_a_chain = |frame: &&Frame| {
        let calls = CHAINS.iter().copied().flatten();
        let is_one = |call: &Call| of_file(frame, call.1) && (call.2 != 0 || frame.name == call.0);
        of_file(frame, MODULE) || calls.filter(|call| call.1 != MODULE).any(is_one)
    };
    let frames = sample.frames.iter().filter(of_a_chain);
    let harness = |frame: &&Frame| {
        let outside = frame.start == 1 || frame.start == CONSUME || frame.start > MAIN;
        of_file(frame, MODULE) && (frame.start == MAIN || outside)
    };
    let chain: Vec<&Frame> = frames.skip_while(harness).collect();
    (!chain.is_empty()).then_some(chain)
}

fn of_file(frame: &Frame, file: &str) -> bool {
    frame.file.strip_suffix(file).is_some_and(|path| path.is_empty() || path.ends_with('/'))
}

/// Whether a frame is this function at this call. The line of the last frame of a stack is any.
fn is(frame: &Frame, call: &Call, last: bool) -> bool {
    let (name, file, start, line) = *call;
    // The optimizing compilers say the loop's own line for the call in it.
    let close = name == SMALL[0].0 && frame.line == line - 1;
    (name.is_empty() || frame.name == name)
        && of_file(frame, file)
        && (start == 0 || frame.start == start)
        && (line == 0 || last || frame.line == line || close)
}

/// Whether frames are a known chain, as far as they go.
fn is_known(chain: &[&Frame]) -> bool {
    let follows = |calls: &[Call]| {
        let frames = chain.iter().zip(calls).enumerate();
        chain.len() <= calls.len()
            && frames
                .map(|(at, pair)| (at + 1 == chain.len(), pair))
                .all(|(last, (frame, call))| is(frame, call, last))
    };
    if chain[0].name != SMALL[0].0 {
        return CHAINS.into_iter().any(follows);
    }
    // Eight functions, each on its own line.
    let mut calls = SMALL;
    let number = chain
        .get(2)
        .and_then(|frame| Some(frame.start - 153).filter(|number| (0..8).contains(number)));
    const HOPS: [&str; 8] = ["hop0", "hop1", "hop2", "hop3", "hop4", "hop5", "hop6", "hop7"];
    if let Some(number) = number {
        calls[2] = (HOPS[number as usize], MODULE, 153 + number, 153 + number);
    }
    follows(&calls)
}

/// At least 99.5 % of the samples have a known chain, and each chain is there in the main thread and in the worker. Else, what is wrong.
fn judge(recording: &Recording, of: &str) -> Result<(), String> {
    let mut wrong: BTreeMap<Vec<(&str, i64, i64)>, i64> = BTreeMap::new();
    let (mut all, mut right, mut marked) = (0, 0, 0);
    let mut whole = BTreeMap::<&str, i64>::new();
    for (sample, chain) in
        recording.pprof.samples.iter().filter_map(|sample| Some((sample, chain(sample)?)))
    {
        let count = sample.values[0];
        all += count;
        if is_known(&chain) {
            right += count;
            let last = chain.last().map_or("", |frame| &frame.name);
            *whole.entry(&chain[0].name).or_default() +=
                if last == "spin" || chain[0].name == "small" { count } else { 0 };
        } else {
            marked += if sample.label("approximate_lines").is_some() { count } else { 0 };
            let short = chain.iter().map(|frame| (&*frame.name, frame.start, frame.line));
            *wrong.entry(short.collect()).or_default() += count;
        }
    }
    lab::figure(format_args!("{of}: {right} of {all} right, {marked} marked"));
    let of_chain = |calls: &&[Call]| whole.get(calls[0].0).is_some_and(|count| *count > 3);
    let each = CHAINS.into_iter().chain([&SMALL[..]]).all(|calls| of_chain(&calls));
    let good = all > 300 && right * 1000 >= all * 995 && each;
    let said = &recording.ended.err;
    let told =
        || format!("{of}: {right} of {all} right; wrong: {wrong:?}; whole: {whole:?}; {said}");
    good.then_some(()).ok_or_else(told)
}

fn each_kind_of_function_has_its_callers() -> Result<(), Skip> {
    lab::need_root()?;
    let program = lab::root().join("testdata/programs/known.mjs").display().to_string();
    let addon = lab::program("addon.node")?.display().to_string();
    let mut wrong = Vec::new();
    for node in nodes()? {
        let node = node.display().to_string();
        for tier in TIERS {
            let words = [&node[..]].into_iter().chain(tier.iter().copied());
            let words: Vec<&str> = words.chain([&program[..], "2", &addon]).collect();
            let of = format!("{node} {tier:?}");
            wrong.extend(judge(&Recording::make("-F 999", &words), &of).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

//! CPython's functions, in a program whose calls are known.

use crate::lab;
use crate::pprof_file::{Frame, Sample};
use crate::recording::Recording;
use crate::{Skip, tests};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

tests!(
    calls_are_known_in_every_version,
    a_running_process_is_read_as_it_is,
    the_loop_s_own_frames_are_shown_on_request,
    a_script_that_ends_soon_has_names,
    modules_that_are_imported_have_names,
);

/// The calls of the program: the caller's name and line, and the functions that it calls there; and the first line of each function.
struct Known {
    calls: BTreeMap<(String, i64), BTreeSet<String>>,
    starts: BTreeMap<String, i64>,
}

fn program() -> PathBuf {
    lab::root().join("testdata/programs/known.py")
}

fn known() -> Known {
    let text = std::fs::read_to_string(program()).expect("it is there");
    let mut known = Known { calls: BTreeMap::new(), starts: BTreeMap::new() };
    let (mut within, mut decorator) = (Vec::<(usize, String)>::new(), None);
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim_start();
        let depth = line.len() - code.len();
        if !code.is_empty() {
            within.retain(|(of, _)| *of < depth);
        }
        let defined = code.strip_prefix("async ").unwrap_or(code).strip_prefix("def ");
        if code.starts_with('@') {
            decorator = Some(number);
        } else if let Some((name, _)) = defined.and_then(|rest| rest.split_once('(')) {
            known.starts.insert(name.to_owned(), decorator.take().unwrap_or(number));
            within.push((depth, name.to_owned()));
        }
        let is = code.split_once("# is ").and_then(|(_, rest)| rest.split(' ').next());
        let caller = is.or(within.last().map(|(_, name)| name.as_str()));
        if let (Some(caller), Some((_, called))) = (caller, code.split_once("calls ")) {
            let called = called.split(' ').map(str::to_owned).collect();
            known.calls.insert((caller.to_owned(), number), called);
        }
        if let Some(is) = is {
            known.starts.insert(is.to_owned(), number);
        }
    }
    known
}

/// The last part of a qualified name.
fn short(frame: &Frame) -> &str {
    frame.name.rsplit('.').next().unwrap_or(&frame.name)
}

/// The Python frames of a sample from `known` on; `None`: it is outside of it.
fn chain(sample: &Sample) -> Option<Vec<&Frame>> {
    let python = |frame: &&Frame| frame.file.ends_with("known.py");
    let frames: Vec<&Frame> = sample.frames.iter().filter(python).collect();
    let first = frames.iter().position(|frame| frame.name == "known")?;
    Some(frames[first..].to_vec())
}

/// Whether each call of a chain is known, and each function begins where it does.
fn is_right(chain: &[&Frame], known: &Known) -> bool {
    let call = |pair: &[&Frame]| {
        let called = known.calls.get(&(short(pair[0]).to_owned(), pair[0].line));
        called.is_some_and(|called| called.contains(short(pair[1])))
    };
    let begins = |frame: &&Frame| known.starts.get(short(frame)) == Some(&frame.start);
    chain.windows(2).all(call) && chain.iter().all(begins)
}

/// The Pythons of this machine: that of the system, and those beside it.
fn pythons() -> Result<Vec<PathBuf>, Skip> {
    let mut all = vec![lab::need("python3")?];
    all.extend(lab::others("pythons", "python3"));
    Ok(all)
}

/// `major.minor`, and the whole text that tells one build from the others.
fn version(python: &Path) -> ((u32, u32), String) {
    let script = "import sys; print(*sys.version_info[:2], sys.version, sys.abiflags)";
    let out = lab::finish(std::process::Command::new(python).args(["-c", script])).with_code(0).out;
    let mut words = out.split_whitespace().map(|word| word.parse().expect(&out));
    ((words.next().expect(&out), words.next().expect(&out)), out)
}

fn calls_are_known_in_every_version() -> Result<(), Skip> {
    lab::need_root()?;
    let known = known();
    assert!(known.calls.len() > 30 && known.starts.len() > 20, "{:?}", known.calls);
    let (mut builds, mut wrong) = (BTreeSet::new(), Vec::new());
    for python in pythons()? {
        let (version, build) = version(&python);
        if version < (3, 8) || !builds.insert(build.clone()) {
            continue;
        }
        let script = program().display().to_string();
        let recording = Recording::make("-F 999", &[&python.display().to_string(), &script, "3"]);
        wrong.extend(judge(&recording, &known, &build).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Less than 0.5 % of the samples in the program have a wrong chain, or one with a frame that has no name. Else, what is wrong.
fn judge(recording: &Recording, known: &Known, build: &str) -> Result<(), String> {
    let (mut all, mut wrong, mut unnamed) = (0, BTreeMap::new(), 0);
    for sample in &recording.pprof.samples {
        let Some(chain) = chain(sample) else { continue };
        all += sample.values[0];
        unnamed +=
            if sample.stack.iter().any(|name| name == "[python]") { sample.values[0] } else { 0 };
        if !is_right(&chain, known) {
            let text = |frame: &&Frame| format!("{}:{}", frame.name, frame.line);
            let text: Vec<String> = chain.iter().map(text).collect();
            *wrong.entry(text).or_insert(0) += sample.values[0];
        }
    }
    let count: i64 = wrong.values().sum();
    let verdict = format!("{build}: {count} wrong and {unnamed} unnamed of {all}");
    lab::figure(format_args!("{verdict}"));
    let good = all > 300 && (count + unnamed) as f64 / (all as f64) < 0.005;
    good.then_some(()).ok_or_else(|| format!("{verdict}: {wrong:?}: {}", recording.ended.err))
}

fn a_running_process_is_read_as_it_is() -> Result<(), Skip> {
    lab::need_root()?;
    let python = lab::need("python3")?;
    let mut command = std::process::Command::new(&python);
    let running = lab::start(command.arg(program()).arg("60"));
    let text = format!("/proc/{}/comm", running.pid());
    lab::wait_for("the program", || {
        std::fs::read_to_string(&text).ok().filter(|name| name.starts_with("python"))
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    let recording = Recording::make(&format!("-p {} -F 999 -d 2s", running.pid()), &[]);
    judge(&recording, &known(), "a running process").unwrap_or_else(|wrong| panic!("{wrong}"));
    let said = &recording.ended.err;
    assert!(!said.contains("-X perf") && !said.contains("no name"), "{said}");
    Ok(())
}

fn the_loop_s_own_frames_are_shown_on_request() -> Result<(), Skip> {
    lab::need_root()?;
    let python = lab::need("python3")?.display().to_string();
    let script = program().display().to_string();
    let shares = ["", "--native"].map(|option| {
        let recording =
            Recording::make(&format!("-F 499 {option}"), &[&python, &script, "1"]).folded;
        recording.share(|stack| stack.iter().any(|frame| frame == "_PyEval_EvalFrameDefault"))
    });
    assert!(shares[0] < 0.05 && shares[1] > 0.8, "{shares:?}");
    Ok(())
}

/// The code of an imported module is freed when it has run.
fn modules_that_are_imported_have_names() -> Result<(), Skip> {
    lab::need_root()?;
    let python = lab::need("python3")?.display().to_string();
    let script = "import argparse, csv, decimal, email.message, html.parser, json, logging, random, statistics, \
         urllib.request, xml.dom.minidom";
    let (mut named, mut all) = (0, 0);
    for _ in 0..4 {
        let recording = Recording::make("-F 999", &[&python, "-c", script]).folded;
        let within =
            |stack: &[String]| stack.iter().any(|frame| frame == "<module>" || frame == "[python]");
        let nameless = |stack: &[String]| {
            stack.iter().any(|frame| frame == "[python]" || frame == "[code freed]")
        };
        all += recording.count(|stack| within(stack));
        named += recording.count(|stack| within(stack) && !nameless(stack));
    }
    assert!(all > 100 && named as f64 / all as f64 > 0.95, "{named} of {all}");
    Ok(())
}

/// Its last functions are read before it ends, or known from before.
fn a_script_that_ends_soon_has_names() -> Result<(), Skip> {
    lab::need_root()?;
    let python = lab::need("python3")?.display().to_string();
    let script = program().display().to_string();
    let (mut named, mut all) = (0, 0);
    for _ in 0..5 {
        let recording = Recording::make("-F 499", &[&python, &script, "0.2"]).folded;
        let within = |stack: &[String]| stack.iter().any(|frame| frame == "known");
        all += recording.count(|stack| within(stack));
        named += recording.count(|stack| within(stack) && !stack.iter().any(|f| f == "[python]"));
    }
    assert!(all > 100 && named as f64 / all as f64 > 0.95, "{named} of {all}");
    Ok(())
}

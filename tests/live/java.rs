//! Java as it is, without an option: compiled code, the interpreter, and what lies between; with the names of its methods.

use crate::pprof_file::Sample;
use crate::recording::Recording;
use crate::{Skip, lab, tests};
use std::path::{Path, PathBuf};
use std::process::Command;

tests!(
    java_interpreted,
    java_compiled_by_the_first_compiler,
    java_compiled_by_the_second_compiler,
    java_methods_that_were_inlined,
    java_compiled_and_interpreted_in_turn,
    java_lines,
    java_classes_that_the_virtual_machine_makes,
    java_with_a_perf_map_beside_it,
    java_from_its_start,
    java_code_that_is_freed_and_replaced,
);

/// How deep `beta` and `gamma` call each other.
const DEPTH: usize = 6;
/// The interpreter's code between two frames: the method of the next one is not told.
const NO_METHOD: &str = "Interpreter";
const KEEP_APART: &str = "-XX:CompileCommand=dontinline,Known::*";

/// The program's methods, outermost first.
fn chain() -> Vec<&'static str> {
    let pairs = ["beta", "gamma"].into_iter().cycle().take(2 * (DEPTH + 1));
    ["main", "work", "alpha"].into_iter().chain(pairs).chain(["spin"]).collect()
}

/// All virtual machines of this machine, and those beside it.
fn machines() -> Result<Vec<PathBuf>, Skip> {
    lab::need_root()?;
    let first = lab::need("java")?;
    let others = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let others =
        others.map(|entry| entry.path().join("bin/java")).chain(lab::others("jvms", "java"));
    let all = [first].into_iter().chain(others).filter_map(|path| path.canonicalize().ok());
    let mut all: Vec<PathBuf> = all.collect();
    all.sort();
    all.dedup();
    Ok(all)
}

/// How many methods of the chain this machine tells with these options. JDK 8 describes no place in a counted loop, and shows the caller of
/// what was inlined there.
fn depth(java: &Path, options: &[&str]) -> usize {
    let inlines = !options.contains(&KEEP_APART) && !options.contains(&"-Xint");
    let version = lab::finish(Command::new(java).arg("-version")).with_code(0).err;
    chain().len() - if inlines && version.contains("\"1.8") { 2 } else { 0 }
}

/// The stacks with one of the program's methods: how many, the share in which all methods are right, from the thread's start on and
/// as far as the stack goes, and the share with so many of them.
fn shares(recording: &Recording, depth: usize) -> (u64, f64, f64) {
    let methods = |stack: &[String]| -> Vec<String> {
        let known = stack.iter().filter_map(|frame| frame.strip_prefix("Known."));
        known.map(String::from).collect()
    };
    let chain = chain();
    let right = |stack: &[String]| {
        let methods = methods(stack);
        // Libraries without symbols do not name their parts of it.
        let starts = |frame: &String| {
            frame.contains("start_thread") || frame == "JavaMain" || frame.starts_with("libjli.so+")
        };
        let started = stack.iter().take(4).any(starts);
        started && methods.len() <= chain.len() && methods.iter().zip(&chain).all(|(a, b)| a == b)
    };
    let folded = &recording.folded;
    let java = folded.count(|stack| !methods(stack).is_empty());
    // Too few stacks show nothing.
    let share = |count: u64| if java > 100 { count as f64 / java as f64 } else { 0.0 };
    let all_right = folded.count(|stack| !methods(stack).is_empty() && right(stack));
    let whole = folded.count(|stack| right(stack) && methods(stack).len() >= depth);
    (java, share(all_right), share(whole))
}

/// Starts a program with these options, and waits until it is warm.
fn start(java: &Path, class: &str, options: &[&str]) -> Result<lab::Running, Skip> {
    let file = lab::program(&format!("{class}.class"))?;
    let directory = tempfile::tempdir().expect("there is room");
    let warm = directory.path().join("warm");
    let mut command = Command::new(java);
    command.arg("-Xmx64m").args(options).arg("-cp");
    command.arg(file.parent().expect("it lies in a directory")).arg(class).arg(&warm);
    let process = lab::start(&mut command);
    lab::wait_for("warm code", || warm.exists().then_some(()));
    // Its compilers have orders left. What they make anew lacks its callers until it has been read.
    std::thread::sleep(std::time::Duration::from_secs(2));
    Ok(process)
}

fn record(process: &lab::Running) -> Recording {
    Recording::make(&format!("-p {} -d 2s -F 997", process.pid()), &[])
}

/// Records the warm program in each virtual machine: all methods of nearly all stacks are right, this share has all of them, and nothing
/// is without a name. Of inlined methods, the leaf's may be those of a place near it. Returns each recording with the depth of its chain.
fn check(options: &[&str], least_whole: f64) -> Result<Vec<(Recording, usize)>, Skip> {
    let (mut recordings, mut wrong) = (Vec::new(), Vec::new());
    for java in machines()? {
        let recording = record(&start(&java, "Known", options)?);
        let depth = depth(&java, options);
        let (all, right, whole) = shares(&recording, depth);
        let least =
            if options.contains(&KEEP_APART) || options.contains(&"-Xint") { 0.99 } else { 0.97 };
        let nameless = recording.folded.share_of("[jit]");
        let told = format!(
            "{} {options:?}: of {all}, {right} right, {whole} whole, {nameless} nameless",
            java.display()
        );
        lab::figure(format_args!("{told}"));
        if right < least || whole < least_whole || nameless >= 0.01 {
            wrong.push(format!("{told} of {:?}", recording.folded));
        }
        recordings.push((recording, depth));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(recordings)
}

fn java_interpreted() -> Result<(), Skip> {
    for (recording, depth) in check(&["-Xint"], 0.85)? {
        let (_, right, _) = shares(&recording, depth);
        assert!(right >= 0.99, "{right} right of {:?}", recording.folded);
        let untold = recording.folded.share_of(NO_METHOD);
        assert!(untold < 0.03, "{untold} between frames of {:?}", recording.folded);
    }
    Ok(())
}

fn java_compiled_by_the_first_compiler() -> Result<(), Skip> {
    check(&[KEEP_APART, "-XX:TieredStopAtLevel=1"], 0.8).map(drop)
}

fn java_compiled_by_the_second_compiler() -> Result<(), Skip> {
    check(&[KEEP_APART, "-XX:-TieredCompilation"], 0.8).map(drop)
}

/// What is inlined is known at calls. Elsewhere it is that of the next known position, which is nearly always right.
fn java_methods_that_were_inlined() -> Result<(), Skip> {
    for (recording, depth) in check(&[], 0.8)? {
        let is_whole = |sample: &Sample| {
            let known = |name: &&String| name.starts_with("Known.");
            sample.stack.iter().filter(known).count() >= depth
        };
        let inlined =
            |sample: &Sample| is_whole(sample) && sample.names.iter().any(|names| *names > 1);
        let (some, all) = (recording.pprof.count(inlined), recording.pprof.count(is_whole));
        assert!(some * 10 > all * 8, "{some} of {all}: {:?}", recording.folded);
    }
    Ok(())
}

/// Arguments on the stack: what calls interpreted code has a frame that an adapter has extended.
fn java_compiled_and_interpreted_in_turn() -> Result<(), Skip> {
    for excluded in ["beta", "gamma"] {
        let exclude = format!("-XX:CompileCommand=exclude,Known::{excluded}");
        check(&[KEEP_APART, &exclude], 0.5)?;
    }
    Ok(())
}

/// The line of each method's call, and that at which it begins; of the innermost one only the latter.
fn java_lines() -> Result<(), Skip> {
    let source = include_str!("../../testdata/programs/Known.java");
    let line = |text: &str| {
        let found = source.lines().position(|line| line.contains(text));
        found.expect("the source has it") as i64 + 1
    };
    let calls = [
        ("main", line("work(3_000"), line("work(0);")),
        ("work", line("long number = 0, end"), line("number = alpha(number)")),
        ("alpha", line("return beta(DEPTH"), line("return beta(DEPTH")),
        ("beta", line("return gamma(depth"), line("return gamma(depth")),
        ("gamma", line("return depth == 0"), line("return depth == 0")),
    ];
    for options in [&["-Xint"][..], &[]] {
        for (recording, _) in check(options, 0.8)? {
            let right = |sample: &Sample| {
                let last = sample.frames.len() - 1;
                sample.frames.iter().enumerate().all(|(at, frame)| {
                    let own = frame.name.strip_prefix("Known.");
                    let known = calls.iter().find(|(of, ..)| own == Some(of));
                    let told = (frame.file.as_str(), frame.start);
                    known.is_none_or(|(_, begin, line)| {
                        told == ("Known.java", *begin) && (at == last || frame.line == *line)
                    })
                })
            };
            let within = |sample: &Sample| sample.has("Known.gamma");
            let all = recording.pprof.count(within);
            let wrong = recording.pprof.count(|sample| within(sample) && !right(sample));
            assert!(all > 100 && wrong * 100 < all, "{wrong} of {all}: {:?}", recording.pprof);
        }
    }
    Ok(())
}

/// Their names are the same in every run.
fn java_classes_that_the_virtual_machine_makes() -> Result<(), Skip> {
    let hidden = "Lambdas$$Lambda.applyAsLong";
    let chain = ["Lambdas.main", "Lambdas.work", hidden, "Lambdas.lambda$work$0", "Lambdas.spin"];
    for java in machines()? {
        for options in [&["-Xint"][..], &["-XX:CompileCommand=dontinline,Lambdas::*"]] {
            let recording = record(&start(&java, "Lambdas", options)?);
            let share = recording.folded.share_of_chain(&chain);
            let java = java.display();
            assert!(share > 0.7, "{java}, {options:?}: {share} of {:?}", recording.folded);
        }
    }
    Ok(())
}

/// The map is not asked for what the virtual machine's memory says.
fn java_with_a_perf_map_beside_it() -> Result<(), Skip> {
    lab::need_root()?;
    let java = lab::need("java")?;
    let jcmd = lab::need("jcmd")?;
    let process = start(&java, "Known", &[])?;
    let pid = process.pid().to_string();
    lab::finish(Command::new(jcmd).args([&pid, "Compiler.perfmap"])).with_code(0);
    let recording = record(&process);
    let _ = std::fs::remove_file(format!("/tmp/perf-{pid}.map"));
    let (_, right, _) = shares(&recording, chain().len());
    assert!(right >= 0.97, "{right} right of {:?}", recording.folded);
    let mapped =
        recording.folded.share(|stack| stack.iter().any(|frame| frame.contains("long Known.")));
    assert!(mapped == 0.0, "{mapped} by the map of {:?}", recording.folded);
    Ok(())
}

/// From the first instruction on, while everything is compiled anew: what is not yet known soon is.
fn java_from_its_start() -> Result<(), Skip> {
    for java in machines()? {
        let file = lab::program("Known.class")?;
        let directory = tempfile::tempdir().expect("there is room");
        let mut command = Command::new(&java);
        command.arg("-Xmx64m").arg("-cp").arg(file.parent().expect("it lies in a directory"));
        let process = lab::start(command.arg("Known").arg(directory.path().join("warm")));
        let recording = Recording::make(&format!("-p {} -d 4s -F 997", process.pid()), &[]);
        let (all, right, whole) = shares(&recording, depth(&java, &[]));
        assert!(right > 0.9, "{right} right of {:?}", recording.folded);
        assert!(whole > 0.6, "{whole} whole of {:?}", recording.folded);
        let nameless = recording.folded.count(|stack| stack.iter().any(|frame| frame == "[jit]"));
        assert!(nameless * 20 < all, "{nameless} nameless beside {all}: {:?}", recording.folded);
    }
    Ok(())
}

/// Each class lives a fifth of a second, and its methods and code take the place of those before. The number in the name of the thread says whose turn
/// it is, as the kernel knew it at the time of the sample. No method of another class is told then.
fn java_code_that_is_freed_and_replaced() -> Result<(), Skip> {
    let first_compiler = ["-XX:TieredStopAtLevel=1", "-XX:CompileCommand=dontinline,Copy*::*"];
    for (java, options) in machines()?.iter().zip([&first_compiler[..], &first_compiler]) {
        freed_and_replaced(java, options, 0.05)?;
    }
    freed_and_replaced(&machines()?[0], &["-Xint"], 0.5)
}

/// Records the program with these options. At least this share of the samples has all four methods of its class.
fn freed_and_replaced(java: &Path, options: &[&str], least: f64) -> Result<(), Skip> {
    lab::program("Copy0000.class")?;
    let file = lab::program("Replaced.class")?;
    let directory = tempfile::tempdir().expect("there is room");
    let warm = directory.path().join("warm");
    let mut command = Command::new(java);
    command.args(["-Xmx32m", "-XX:+UseSerialGC"]).args(options).arg("-cp");
    command.arg(file.parent().expect("it lies in a directory")).arg("Replaced");
    let process = lab::start(command.arg(&warm).arg("200"));
    lab::wait_for("warm code", || warm.exists().then_some(()));
    let recording = record(&process);
    let turn =
        |sample: &Sample| sample.labels.get("thread")?.strip_prefix("copy").map(String::from);
    let methods = |sample: &Sample| -> Vec<String> {
        let copies = sample.stack.iter().filter(|name| name.starts_with("Copy"));
        copies.cloned().collect()
    };
    let others = |sample: &Sample| {
        let turn = turn(sample);
        let of_turn = |name: &String| turn.as_ref().is_none_or(|turn| name.contains(&**turn));
        !methods(sample).iter().all(of_turn)
    };
    let pprof = &recording.pprof;
    let all = pprof.count(|sample| turn(sample).is_some());
    let wrong = pprof.count(others);
    let whole = pprof.count(|sample| turn(sample).is_some() && methods(sample).len() == 4);
    let java = java.display();
    assert!(all > 200 && wrong == 0, "{java}, {options:?}: {wrong} wrong of {all}: {pprof:?}");
    assert!(
        whole as f64 >= all as f64 * least,
        "{java}, {options:?}: {whole} whole of {all}: {pprof:?}"
    );
    Ok(())
}

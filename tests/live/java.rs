//! Java without frame pointers: compiled code, the interpreter, and what lies between.

use crate::recording::Recording;
use crate::{Skip, lab, tests};
use std::path::Path;
use std::process::Command;

tests!(
    java_interpreted,
    java_compiled_by_the_first_compiler,
    java_compiled_by_the_second_compiler,
    java_compiled_and_interpreted_in_turn,
    java_from_its_start,
);

/// How deep `beta` and `gamma` call each other.
const DEPTH: usize = 6;
/// Names of code whose methods are not told.
const ANY: [&str; 2] = ["Interpreter", "[jit]"];
/// Between two methods.
const BETWEEN: [&str; 3] = ["I2C/C2I adapters", "vtable chunks", "InlineCacheBuffer"];

/// The program's methods, outermost first.
fn chain() -> Vec<&'static str> {
    let pairs = ["beta", "gamma"].into_iter().cycle().take(2 * (DEPTH + 1));
    ["main", "work", "alpha"].into_iter().chain(pairs).chain(["spin"]).collect()
}

/// The name of one of the program's methods, from a frame's.
fn method(frame: &str) -> Option<&str> {
    if ANY.contains(&frame) {
        return Some(frame);
    }
    let (_, name) = frame.split_once("Known.")?;
    name.split_once('(').map(|(name, _)| name)
}

/// Whether a frame is the program's, or the virtual machine's code made at run time.
fn is_java(frame: &str) -> bool {
    method(frame).is_some() || frame.starts_with("StubRoutines") || BETWEEN.contains(&frame)
}

/// How many methods a stack has from the thread's start on, if they are those of the chain in their order.
fn depth(stack: &[String]) -> Option<usize> {
    let started = stack.iter().take(2).any(|frame| frame.contains("start_thread"));
    let stub = stack.iter().position(|frame| frame.starts_with("StubRoutines"))?;
    let methods: Vec<&str> = stack[stub + 1..].iter().map_while(|frame| method(frame)).collect();
    let same = |(name, right): (&&str, &&str)| name == right || ANY.contains(name);
    let chain = chain();
    let fits = methods.len() <= chain.len() && methods.iter().zip(&chain).all(same);
    (started && fits).then_some(methods.len())
}

/// Of the stacks with Java code the share that goes to the thread's start through the right methods; and the share with all of
/// them.
fn shares(recording: &Recording) -> (f64, f64) {
    let folded = &recording.folded;
    let java = folded.count(|stack| stack.iter().any(|frame| is_java(frame)));
    assert!(java > 300, "{java} stacks with Java code of {folded:?}");
    let right = folded.count(|stack| depth(stack).is_some());
    let whole = folded.count(|stack| depth(stack) == Some(chain().len()));
    (right as f64 / java as f64, whole as f64 / java as f64)
}

/// Starts the program with these options, and waits until it is warm.
fn start(options: &[&str], warm: &Path) -> Result<lab::Running, Skip> {
    lab::need_root()?;
    let java = lab::need("java")?;
    let class = lab::program("Known.class")?;
    let mut command = Command::new(java);
    command.args(["-XX:CompileCommand=dontinline,Known::*", "-Xmx64m"]).args(options);
    command.arg("-cp").arg(class.parent().expect("it lies in a directory"));
    Ok(lab::start(command.arg("Known").arg(warm)))
}

fn warm(options: &[&str]) -> Result<Recording, Skip> {
    let jcmd = lab::need("jcmd")?;
    let directory = tempfile::tempdir().expect("there is room");
    let warm = directory.path().join("warm");
    let process = start(options, &warm)?;
    lab::wait_for("warm code", || warm.exists().then_some(()));
    let pid = process.pid().to_string();
    lab::finish(Command::new(jcmd).args([&pid, "Compiler.perfmap"])).with_code(0);
    let recording = Recording::make(&format!("-p {pid} -d 2s -F 997"), &[]);
    let _ = std::fs::remove_file(format!("/tmp/perf-{pid}.map"));
    Ok(recording)
}

/// Records a warm program: nearly all stacks are right, and this share has all methods.
fn check(options: &[&str], least_whole: f64) -> Result<Recording, Skip> {
    let recording = warm(options)?;
    let (right, whole) = shares(&recording);
    assert!(right >= 0.99, "{right} right of {:?}", recording.folded);
    assert!(whole >= least_whole, "{whole} whole of {:?}", recording.folded);
    Ok(recording)
}

fn java_interpreted() -> Result<(), Skip> {
    check(&["-Xint"], 0.7)?;
    Ok(())
}

fn java_compiled_by_the_first_compiler() -> Result<(), Skip> {
    let recording = check(&["-XX:TieredStopAtLevel=1"], 0.7)?;
    let named = recording.folded.share(|stack| stack.iter().any(|f| f.contains("Known.spin(")));
    assert!(named > 0.7, "{named} in compiled code of {:?}", recording.folded);
    Ok(())
}

fn java_compiled_by_the_second_compiler() -> Result<(), Skip> {
    let recording = check(&["-XX:-TieredCompilation"], 0.7)?;
    let named = recording.folded.share(|stack| stack.iter().any(|f| f.contains("Known.spin(")));
    assert!(named > 0.7, "{named} in compiled code of {:?}", recording.folded);
    Ok(())
}

/// Arguments on the stack: what calls interpreted code has a frame that an adapter has extended.
fn java_compiled_and_interpreted_in_turn() -> Result<(), Skip> {
    for excluded in ["beta", "gamma"] {
        let exclude = format!("-XX:CompileCommand=exclude,Known::{excluded}");
        let recording = check(&[&exclude], 0.4)?;
        let turns = recording.folded.share(|stack| {
            let other = if excluded == "beta" { "Known.gamma(" } else { "Known.beta(" };
            let pair = |pair: &[String]| pair[0] == "Interpreter" && pair[1].contains(other);
            stack.windows(2).filter(|two| pair(two)).count() >= DEPTH
        });
        assert!(turns > 0.4, "{turns} in turn of {:?}", recording.folded);
    }
    Ok(())
}

/// From the first instruction on, while everything is compiled anew: what is not yet known soon is. Nothing has a name.
fn java_from_its_start() -> Result<(), Skip> {
    let directory = tempfile::tempdir().expect("there is room");
    let process = start(&[], &directory.path().join("warm"))?;
    let recording = Recording::make(&format!("-p {} -d 4s -F 997", process.pid()), &[]);
    let made = |stack: &[String]| stack.iter().any(|frame| frame == "[jit]");
    let rooted = |stack: &[String]| stack.iter().take(2).any(|f| f.contains("start_thread"));
    let java = recording.folded.count(made);
    let right = recording.folded.count(|stack| made(stack) && rooted(stack));
    assert!(java > 300, "{java} stacks with Java code of {:?}", recording.folded);
    assert!(right as f64 > 0.75 * java as f64, "{right} of {java}: {:?}", recording.folded);
    Ok(())
}

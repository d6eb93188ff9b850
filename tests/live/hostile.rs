//! Programs that would use up their profiler.

use super::devices;
use crate::folded::Folded;
use crate::lab;
use crate::recording::Recording;
use crate::{Skip, tests};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

tests!(
    long_names_are_stored_once_and_cut,
    one_that_hoards_files_leaves_some_to_others,
    names_are_made_without_rights,
    much_dwarf_in_a_small_file_costs_its_names_alone,
    an_interpreter_that_lies_costs_its_own_names,
    a_debug_file_of_holes_costs_little_time,
);

/// A figure of `--stats`.
pub(crate) fn figure(stats: &str, name: &str) -> f64 {
    let (_, rest) = stats.split_once(&format!("\"{name}\":")).expect(stats);
    let end = rest.find([',', '}', '\n']).expect(stats);
    rest[..end].trim().parse().expect(stats)
}

fn long_names_are_stored_once_and_cut() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut command = lab::command(["record", "-F", "499", "-o"]);
    command.arg(path("out.svg")).arg("-o").arg(path("out.pb.gz")).arg("--stats").arg(path("stats"));
    command.arg("--").arg(lab::program("long-names")?).arg("2");
    let ended = lab::finish(&mut command).with_code(0);
    assert!(ended.err.contains("900 names: cut"), "{}", ended.err);
    let stats = fs::read_to_string(path("stats")).unwrap();
    let memory = figure(&stats, "own_anonymous_bytes");
    assert!(memory < f64::from(100 << 20), "{memory}");
    Ok(())
}

/// Chains without an end, texts of terabytes, objects anywhere, and what changes while it is read.
fn an_interpreter_that_lies_costs_its_own_names() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    // An interpreter in a program is looked for in the program with its name.
    fs::copy(lab::program("python-liar")?, path("python3")).unwrap();
    let mut command = lab::command(["record", "-F", "999", "-o"]);
    command.arg(path("out.folded")).arg("--stats").arg(path("stats"));
    command.arg("--").arg(path("python3")).arg("3");
    drop(lab::finish(&mut command).with_code(0));
    let text = fs::read_to_string(path("out.folded")).unwrap();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    let stacks = Folded::parse(&text);
    let honest = stacks.share_of_chain(&["honest_2", "honest_1", "honest_0", "built_in"]);
    assert!(honest > 0.4, "{honest}: {text}");
    assert!(stacks.share_of("[code freed]") > 0.03, "texts that are none: {text}");
    assert!(stacks.share_of("[truncated]") > 0.02, "a chain without an end: {text}");
    let stats = fs::read_to_string(path("stats")).unwrap();
    let memory = figure(&stats, "own_anonymous_bytes");
    assert!(memory < f64::from(64 << 20), "{memory}");
    Ok(())
}

/// What the process that makes names has, from its status in `/proc`.
fn names_are_made_without_rights() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    // An idle machine has no samples.
    let busy = lab::start(Command::new(lab::program("bare")?).arg("60"));
    let mut command = lab::command(["record", "-a", "-d", "2s", "-o"]);
    let mut recording =
        command.arg(directory.path().join("out.svg")).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        let path = format!("/proc/{0}/task/{0}/children", recording.id());
        let children = fs::read_to_string(&path).unwrap_or_default();
        let status = |pid: &str| fs::read_to_string(format!("/proc/{pid}/status")).ok();
        // The one thread that starts it ends, so it is a child of the process.
        let all = children.split_whitespace().filter_map(status);
        if let Some(ready) = all.into_iter().find(|status| status.contains("Seccomp:\t2")) {
            break ready;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{children}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(&status);
        line.split_whitespace().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    assert_eq!(field("Uid:"), ["65534"; 4]);
    assert_eq!(field("Gid:"), ["65534"; 4]);
    assert!(field("Groups:").is_empty());
    assert!(recording.wait().unwrap().success());
    drop(busy);
    Ok(())
}

/// A check sum of it takes two seconds.
fn a_debug_file_of_holes_costs_little_time() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (program, debug) = devices::linked(directory.path())?;
    fs::File::options().write(true).open(&debug).unwrap().set_len(1 << 30).unwrap();
    let mut command = lab::command(["record", "-F", "499", "-o"]);
    command.arg(path("out.folded")).arg("--stats").arg(path("stats"));
    let ended = lab::finish(command.arg("--").arg(program).arg("0.5")).with_code(0);
    let stats = fs::read_to_string(path("stats")).unwrap();
    let spent = figure(&stats, "own_cpu_ns") / 1e9;
    assert!(spent < 1.0, "{spent} s: {}", ended.err);
    Ok(())
}

/// A small file with a great deal of compressed DWARF, which spins for half a second.
pub(crate) fn bomb(directory: &Path) -> PathBuf {
    let (source, bomb) = (directory.join("bomb.s"), directory.join("bomb"));
    fs::write(&source, BOMB).unwrap();
    let mut gcc = Command::new("gcc");
    gcc.args(["-Wa,--compress-debug-sections=zlib", "-Wl,--compress-debug-sections=zlib", "-o"]);
    lab::finish(gcc.arg(&bomb).arg(&source)).with_code(0);
    let size = fs::metadata(&bomb).unwrap().len();
    assert!(size < 500_000, "{size}");
    bomb
}

fn much_dwarf_in_a_small_file_costs_its_names_alone() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let bomb = bomb(directory.path());
    let mut command = lab::command(["record", "-F", "499", "-o"]);
    command.arg(path("out.folded")).arg("--stats").arg(path("stats"));
    command.arg("--").arg(bomb);
    let ended = lab::finish(&mut command).with_code(0);
    let stats = fs::read_to_string(path("stats")).unwrap();
    let memory = figure(&stats, "own_anonymous_bytes");
    assert!(memory < f64::from(256 << 20), "{memory}");
    let folded = fs::read_to_string(path("out.folded")).unwrap();
    assert!(folded.contains("spin"), "its symbols are still read: {folded}");
    assert!(ended.err.contains("its DWARF was given up"), "{}", ended.err);
    Ok(())
}

/// One unit with three million functions without a name, and a loop of half a second.
const BOMB: &str = "
    .globl main
    .type main, @function
main:
    sub $8, %rsp
    call spin
    xor %eax, %eax
    add $8, %rsp
    ret
    .type spin, @function
spin:
    mov $1500000000, %rcx
1:  dec %rcx
    jnz 1b
    ret
    .size spin, . - spin
    .section .debug_abbrev,\"\",@progbits
    .uleb128 1, 0x11
    .byte 1
    .uleb128 0x11, 0x01, 0x12, 0x07, 0, 0
    .uleb128 2, 0x2e
    .byte 0
    .uleb128 0x11, 0x01, 0x12, 0x0b, 0, 0
    .byte 0
    .section .debug_info,\"\",@progbits
    .long 2f - 1f
1:  .short 4
    .long 0
    .byte 8
    .uleb128 1
    .quad main, 4096
    .rept 3000000
    .uleb128 2
    .quad main
    .byte 9
    .endr
    .byte 0
2:
    .section .note.GNU-stack,\"\",@progbits
";

fn one_that_hoards_files_leaves_some_to_others() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(lab::program("hoard")?);
    let hoard = lab::start(command.arg("100").arg(directory.path()));
    lab::wait_for("60,000 mappings", || fs::metadata(directory.path().join("ready")).ok());
    // The hoarder is read first, as it is in a list of processes that were started one after the other.
    let usual = lab::start(Command::new(lab::program("bare")?).arg("100"));
    let options = format!("-p {},{} -d 20s -F 199", hoard.pid(), usual.pid());
    let recording = Recording::make(&options, &[]);
    let said = &recording.ended.err;
    let of = |comm: &str, functions: &[&str]| {
        recording.pprof.count(|sample| {
            sample.label("comm") == Some(comm) && functions.iter().all(|name| sample.has(name))
        })
    };
    let all = of("bare", &[]);
    let named = of("bare", &["main"]);
    assert!(all > 100 && named * 100 >= all * 99, "{named} of {all}: {said}");
    let (hoarded, named) = (of("hoard", &[]), of("hoard", &["spins_on"]));
    assert!(hoarded > 100 && named * 2 > hoarded, "{named} of {hoarded}: {said}");
    let walked = of("hoard", &["main", "hoards", "spins_on"]);
    let counted = said.contains("unwind tables not ready in hoard");
    assert!(
        walked > 100 && (walked * 100 >= hoarded * 99 || counted),
        "{walked} of {hoarded}: {said}"
    );
    // Beside the hoarder, everything is complete.
    let broken = said.split_once("incomplete (").map_or("", |(_, rest)| rest);
    assert!(!broken.contains("in bare"), "{said}");
    assert!(said.contains(&format!("process {}", hoard.pid())), "{said}");
    assert!(!said.contains(&format!("process {}", usual.pid())), "{said}");
    assert!(!said.contains("-p "), "{said}");
    the_time_of_a_machine_is_all_of_it();
    Ok(())
}

/// While the processes of a machine are read, it is sampled already: that time counts, too.
fn the_time_of_a_machine_is_all_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut command = lab::command(["record", "-a", "-d", "1s", "-o"]);
    command.arg(path("out.folded")).arg("--stats").arg(path("stats.json"));
    lab::finish(&mut command).with_code(0);
    let stats = fs::read_to_string(path("stats.json")).unwrap();
    let whole = figure(&stats, "duration_ns") * figure(&stats, "cpus");
    assert!(figure(&stats, "cpu_ns") < whole * 1.1, "{stats}");
}

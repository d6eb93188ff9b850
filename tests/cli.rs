//! Messages and exit codes, and that nothing is overwritten or half-written.

pub(crate) mod push;
pub(crate) mod report;

use crate::lab::{self, Ended};
use crate::{Skip, tests};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use tempfile::{TempDir, tempdir};

tests!(
    help_and_version,
    no_target_is_a_usage_error,
    zero_hertz_is_a_usage_error,
    an_unknown_extension_is_a_usage_error,
    no_such_process,
    no_such_name,
    doctor_takes_names,
    habits_from_other_profilers,
    no_such_thread,
    no_such_cpu,
    a_rate_above_the_kernels_limit,
    a_missing_directory_is_known_before_recording,
    an_unwritable_directory_is_known_before_recording,
    a_full_disk,
    an_ordinary_user_is_told_what_is_missing,
    somebody_elses_process,
    an_earlier_profile_is_never_overwritten,
    completions_and_man,
);

/// One sentence, without the marks of an accident.
#[track_caller]
fn one_clear_sentence(ended: &Ended) {
    let lines: Vec<_> = ended.err.lines().filter(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty(), "it says why");
    assert!(lines.len() <= 3, "a sentence and a command that mends it, not {}", ended.err);
    for accident in ["panicked", "RUST_BACKTRACE", "Os {", "Error {", "os error"] {
        assert!(!ended.err.contains(accident), "{accident:?} in {}", ended.err);
    }
}

/// `bpflame record`, writing into a directory, that must fail with a code and leave nothing behind.
#[track_caller]
fn fails(arguments: &[&str], code: i32) -> Ended {
    let directory = tempdir().expect("there is room");
    let output = directory.path().join("out.svg");
    let mut command = lab::command(["record", "-o"]);
    let ended = lab::finish(command.arg(&output).args(arguments)).with_code(code);
    assert_eq!(
        fs::read_dir(directory.path()).expect("it is there").count(),
        0,
        "nothing is left behind"
    );
    ended
}

fn help_and_version() -> Result<(), Skip> {
    assert!(lab::run(["--version"]).with_code(0).out.starts_with("bpflame "));
    let help = lab::run(["record", "--help"]).with_code(0).out;
    for option in [
        "-p",
        "-t",
        "-a",
        "-C",
        "-d",
        "-F",
        "-U",
        "-K",
        "-I",
        "-o",
        "--no-inline",
        "--stats",
        "-q",
        "-v",
    ] {
        assert!(help.contains(option), "{option} in {help}");
    }
    Ok(())
}

fn no_target_is_a_usage_error() -> Result<(), Skip> {
    fails(&[], 2);
    Ok(())
}

fn zero_hertz_is_a_usage_error() -> Result<(), Skip> {
    let ended = fails(&["-a", "-F", "0"], 2);
    assert!(ended.err.contains("99"), "it names the default: {}", ended.err);
    Ok(())
}

fn an_unknown_extension_is_a_usage_error() -> Result<(), Skip> {
    let ended = lab::run(["record", "-a", "-d", "1s", "-o", "out.docx"]).with_code(2);
    assert!(ended.err.contains("docx") && ended.err.contains(".svg"), "{}", ended.err);
    Ok(())
}

fn no_such_process() -> Result<(), Skip> {
    let ended = fails(&["-d", "1s", "-p", "2147483646"], 6);
    assert!(ended.err.contains("2147483646"), "{}", ended.err);
    one_clear_sentence(&ended);
    Ok(())
}

fn no_such_name() -> Result<(), Skip> {
    let ended = fails(&["-d", "1s", "-p", "no-program-is-called-this"], 6);
    assert!(ended.err.contains("no-program-is-called-this"), "{}", ended.err);
    one_clear_sentence(&ended);
    Ok(())
}

fn doctor_takes_names() -> Result<(), Skip> {
    let sleeper = lab::start(Command::new("sleep").arg("60"));
    let ended = lab::run(["doctor", "-p", "sleep"]);
    assert!(ended.out.contains(&format!("Process {}", sleeper.pid())), "{}", ended.out);
    let list = format!("sleep,{}", std::process::id());
    let ended = lab::run(["doctor", "-p", &list]);
    for pid in [sleeper.pid(), std::process::id()] {
        assert!(ended.out.contains(&format!("Process {pid}")), "{pid} in {}", ended.out);
    }
    let ended = lab::run(["doctor", "-p", "no-program-is-called-this"]).with_code(6);
    assert!(ended.err.contains("no process is named no-program-is-called-this"), "{}", ended.err);
    one_clear_sentence(&ended);
    Ok(())
}

fn habits_from_other_profilers() -> Result<(), Skip> {
    for arguments in [&["-g", "-a"][..], &["--svg", "-a"], &["./hot", "1"], &[]] {
        let ended = fails(arguments, 2);
        one_clear_sentence(&ended);
        for hidden in ["--save", "--replay"] {
            assert!(!ended.err.contains(hidden), "{}", ended.err);
        }
    }
    Ok(())
}

fn no_such_thread() -> Result<(), Skip> {
    let ended = fails(&["-d", "1s", "-t", "2147483646"], 6);
    one_clear_sentence(&ended);
    Ok(())
}

fn no_such_cpu() -> Result<(), Skip> {
    lab::need_root()?;
    let ended = fails(&["-a", "-d", "1s", "-C", "8000"], 2);
    assert!(ended.err.contains("8000"), "{}", ended.err);
    Ok(())
}

fn a_rate_above_the_kernels_limit() -> Result<(), Skip> {
    lab::need_root()?;
    let limit =
        fs::read_to_string("/proc/sys/kernel/perf_event_max_sample_rate").unwrap_or_default();
    let limit: u32 =
        limit.trim().parse().map_err(|_| Skip(String::from("this kernel states no limit")))?;
    let ended = fails(&["-a", "-d", "1s", "-F", &(limit + 1).to_string()], 2);
    assert!(ended.err.contains(&limit.to_string()), "it names the limit: {}", ended.err);
    one_clear_sentence(&ended);
    Ok(())
}

fn a_missing_directory_is_known_before_recording() -> Result<(), Skip> {
    let begin = std::time::Instant::now();
    let ended =
        lab::run(["record", "-a", "-d", "60s", "-o", "/no/such/directory/out.svg"]).with_code(1);
    assert!(begin.elapsed().as_secs() < 50, "it does not record first");
    assert!(ended.err.contains("/no/such/directory"), "{}", ended.err);
    one_clear_sentence(&ended);
    Ok(())
}

/// A copy of bpflame that anybody may run.
fn copy_for_everybody() -> TempDir {
    let directory = tempdir().expect("there is room");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs::copy(lab::bpflame(), directory.path().join("bpflame")).expect("there is room");
    directory
}

/// bpflame as an ordinary user.
fn as_nobody(copy: &TempDir, arguments: &[&str]) -> Result<Ended, Skip> {
    let mut command = Command::new(copy.path().join("bpflame"));
    command.args(arguments).current_dir(copy.path());
    if lab::is_root() {
        command.uid(65534).gid(65534);
    }
    Ok(lab::finish(&mut command))
}

fn an_unwritable_directory_is_known_before_recording() -> Result<(), Skip> {
    let copy = copy_for_everybody();
    let ended = as_nobody(&copy, &["record", "-a", "-d", "60s", "-o", "/proc/out.svg"])?;
    assert!([1, 4].contains(&ended.code()), "{}", ended.err);
    assert!(ended.err.contains("/proc"), "{}", ended.err);
    one_clear_sentence(&ended);
    Ok(())
}

fn a_full_disk() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("unshare")?;
    let directory = tempdir().expect("there is room");
    let at = directory.path().display();
    let script = format!(
        "mount -t tmpfs -o size=4k none {at} && {} record -o {at}/out.svg -- {} 1; code=$?; ls -A {at}; exit $code",
        lab::bpflame().display(),
        lab::program("chain")?.display()
    );
    let ended =
        lab::finish(Command::new("unshare").args(["-m", "sh", "-c", &script])).with_code(125);
    assert!(ended.err.contains("space"), "{}", ended.err);
    assert_eq!(ended.out, "", "nothing half-written stays");
    Ok(())
}

fn an_ordinary_user_is_told_what_is_missing() -> Result<(), Skip> {
    let copy = copy_for_everybody();
    let ended =
        as_nobody(&copy, &["record", "-a", "-d", "1s", "-o", "/tmp/bpflame-of-nobody.svg"])?
            .with_code(4);
    assert!(ended.err.contains("CAP_BPF") && ended.err.contains("CAP_PERFMON"), "{}", ended.err);
    one_clear_sentence(&ended);
    Ok(())
}

fn somebody_elses_process() -> Result<(), Skip> {
    let copy = copy_for_everybody();
    let ended =
        as_nobody(&copy, &["record", "-p", "1", "-d", "1s", "-o", "/tmp/bpflame-of-nobody.svg"])?
            .with_code(4);
    one_clear_sentence(&ended);
    Ok(())
}

fn an_earlier_profile_is_never_overwritten() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().expect("there is room");
    let program = lab::program("chain")?;
    for count in 1..=2 {
        let mut command = lab::command(["record", "--"]);
        lab::finish(command.arg(&program).arg("0.3").current_dir(directory.path())).with_code(0);
        let files: Vec<_> = fs::read_dir(directory.path())
            .expect("it is there")
            .map(|e| e.unwrap().path())
            .collect();
        assert_eq!(files.len(), count, "{files:?}");
        assert!(files.iter().all(|f| f.extension().is_some_and(|e| e == "svg")), "{files:?}");
    }
    Ok(())
}

fn completions_and_man() -> Result<(), Skip> {
    for shell in ["bash", "zsh", "fish"] {
        assert!(lab::run(["completions", shell]).with_code(0).out.contains("bpflame"), "{shell}");
    }
    assert!(lab::run(["man"]).with_code(0).out.contains(".TH bpflame"));
    Ok(())
}

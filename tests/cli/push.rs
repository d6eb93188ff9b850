//! Profiles to backends: what arrives, what is told, and that nothing is lost that did not arrive.

pub(crate) mod files;
pub(crate) mod secrets;

use crate::lab::{self, Ended};
use crate::pprof_file::PprofFile;
use crate::receiver::{Answer, Receiver};
use crate::{Skip, tests};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::{TempDir, tempdir};

tests!(
    every_kind_of_backend_is_sent_to,
    a_recording_that_is_sent_leaves_no_file,
    outputs_are_written_beside,
    what_is_refused_is_kept_and_can_be_sent_again,
    where_nobody_listens_it_is_kept_and_can_be_sent_later,
    a_file_that_was_written_is_not_kept_twice,
    receivers_do_not_depend_on_each_other,
    figures_of_every_receiver,
    labels_that_a_backend_refuses_are_told_before_recording,
    urls_that_cannot_be,
    giving_up_keeps_the_profile,
    the_version_names_the_protocol,
);

/// A directory to work in.
fn scratch() -> TempDir {
    tempdir().expect("there is room")
}

/// `bpflame record` of a stored recording of 36 samples, in a directory.
fn record(directory: &TempDir, arguments: &[&str]) -> Command {
    let mut command = lab::command(["record", "--replay"]);
    command.arg(lab::root().join("testdata/recordings/chain.txt"));
    command.args(arguments).current_dir(directory.path());
    without_surroundings(&mut command);
    command
}

fn upload(directory: &TempDir, arguments: &[&str]) -> Command {
    let mut command = lab::command(["upload"]);
    command.args(arguments).current_dir(directory.path());
    without_surroundings(&mut command);
    command
}

/// Secrets and proxies of whoever runs the tests are not theirs.
fn without_surroundings(command: &mut Command) {
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    for name in ["BPFLAME_PUSH_PASSWORD", "BPFLAME_PUSH_TOKEN"] {
        command.env_remove(name);
    }
}

fn files(directory: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.path()).expect("it is there");
    let mut list: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    list.sort();
    list
}

/// The only file in a directory, as a profile.
#[track_caller]
fn kept(directory: &TempDir) -> (PathBuf, PprofFile) {
    let files = files(directory);
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("flame-") && name.ends_with(".pb.gz"), "{name}");
    (files[0].clone(), PprofFile::read(&files[0]))
}

/// The command that a message names, as a shell takes it.
#[track_caller]
fn command_in(ended: &Ended) -> String {
    let (_, after) = ended.err.split_once("`bpflame upload ").expect(&ended.err);
    let (arguments, _) = after.split_once('`').expect(&ended.err);
    format!("{} upload {arguments}", lab::bpflame().display())
}

fn run_in(directory: &TempDir, line: &str) -> Ended {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(directory.path());
    without_surroundings(&mut shell);
    lab::finish(&mut shell)
}

fn samples(profile: &PprofFile) -> i64 {
    profile.samples.iter().map(|sample| sample.values[0]).sum()
}

fn every_kind_of_backend_is_sent_to() -> Result<(), Skip> {
    for (kind, path) in [
        ("pyroscope", "/push.v1.PusherService/Push"),
        ("parca", "/api/profiles/writeraw"),
        ("otlp", "/v1development/profiles"),
    ] {
        let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok(kind)]));
        let url = receiver.url(kind);
        let ended = lab::finish(&mut record(&directory, &["--push", &url])).with_code(0);
        let address = receiver.address();
        let line = format!("→ {kind} at http://{address}: 1 part, 36 samples, 735 ms CPU");
        assert!(ended.err.contains(&line), "{line} in {}", ended.err);
        let requests = receiver.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].line, format!("POST {path} HTTP/1.1"));
        assert!(!requests[0].body.is_empty());
    }
    Ok(())
}

fn a_recording_that_is_sent_leaves_no_file() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let url = receiver.url("otlp");
    let ended = lab::finish(&mut record(&directory, &["-q", "--push", &url])).with_code(0);
    assert_eq!(files(&directory), Vec::<PathBuf>::new());
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "it was to be quiet");
    Ok(())
}

fn outputs_are_written_beside() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let url = receiver.url("otlp");
    let arguments = ["-o", "a.svg", "-o", "a.folded", "--push", &url];
    lab::finish(&mut record(&directory, &arguments)).with_code(0);
    assert_eq!(files(&directory).len(), 2);
    assert_eq!(receiver.requests().len(), 1);
    Ok(())
}

fn what_is_refused_is_kept_and_can_be_sent_again() -> Result<(), Skip> {
    let directory = scratch();
    let receiver = Receiver::start(&[Answer::REFUSED, Answer::ok("otlp")]);
    let url = receiver.url("otlp");
    let arguments =
        ["--push", &url, "--service-name", "my service", "--label", "a=it's", "--push-tenant", "t"];
    let ended = lab::finish(&mut record(&directory, &arguments)).with_code(1);
    let (path, profile) = kept(&directory);
    assert_eq!(samples(&profile), 36);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(ended.err.contains(name) && ended.err.contains("400"), "{}", ended.err);
    assert_eq!(receiver.requests().len(), 1, "what is refused is not sent again by itself");

    let again = run_in(&directory, &command_in(&ended)).with_code(0);
    assert!(again.err.contains(&format!("{name} → otlp at ")), "{}", again.err);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].header("x-scope-orgid"), Some("t"));
    for text in ["my service", "it's"] {
        let bytes = text.as_bytes();
        let body = &requests[1].body;
        assert!(body.windows(bytes.len()).any(|window| window == bytes), "{text}");
    }
    assert_eq!(kept(&directory).0, path, "nothing more is written");
    Ok(())
}

fn where_nobody_listens_it_is_kept_and_can_be_sent_later() -> Result<(), Skip> {
    let directory = scratch();
    let gone = Receiver::start(&[Answer::REFUSED]);
    let (address, url) = (gone.address(), gone.url("otlp"));
    gone.end();
    let arguments = ["--push", &url, "--push-timeout", "1s"];
    let ended = lab::finish(&mut record(&directory, &arguments)).with_code(1);
    assert!(ended.err.contains(&format!("http://{address}: nothing delivered")), "{}", ended.err);
    assert_eq!(samples(&kept(&directory).1), 36);

    let again = run_in(&directory, &format!("{} --push-timeout 1s", command_in(&ended)));
    again.with_code(1);
    let receiver = Receiver::at(address, &[Answer::ok("otlp")]).expect("the port is free again");
    run_in(&directory, &command_in(&ended)).with_code(0);
    assert_eq!(receiver.requests().len(), 1);
    Ok(())
}

fn a_file_that_was_written_is_not_kept_twice() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::REFUSED]));
    let url = receiver.url("otlp");
    let arguments = ["-o", "mine.svg", "-o", "mine.pb.gz", "--push", &url];
    let ended = lab::finish(&mut record(&directory, &arguments)).with_code(1);
    assert_eq!(files(&directory).len(), 2);
    assert!(ended.err.contains("upload mine.pb.gz --push"), "{}", ended.err);
    Ok(())
}

fn receivers_do_not_depend_on_each_other() -> Result<(), Skip> {
    let directory = scratch();
    let good = Receiver::start(&[Answer::ok("otlp")]);
    let bad = Receiver::start(&[Answer::REFUSED]);
    let urls = [bad.url("otlp"), good.url("otlp")];
    let arguments = ["--push", &urls[0], "--push", &urls[1]];
    let ended = lab::finish(&mut record(&directory, &arguments)).with_code(1);
    let (good, bad) = (good.address(), bad.address());
    assert!(ended.err.contains(&format!("→ otlp at http://{good}: 1 part, 36")), "{}", ended.err);
    assert!(ended.err.contains(&format!("→ otlp at http://{bad}: nothing")), "{}", ended.err);
    let again = command_in(&ended);
    assert!(again.contains(&urls[0]) && !again.contains(&urls[1]), "{again}");
    assert_eq!(samples(&kept(&directory).1), 36);
    Ok(())
}

fn figures_of_every_receiver() -> Result<(), Skip> {
    let directory = scratch();
    let good = Receiver::start(&[Answer::ok("otlp")]);
    let bad = Receiver::start(&[Answer::REFUSED]);
    let urls = [good.url("otlp"), bad.url("otlp")];
    let arguments = ["--push", &urls[0], "--push", &urls[1], "--stats", "stats.json"];
    lab::finish(&mut record(&directory, &arguments)).with_code(1);
    let text = fs::read_to_string(directory.path().join("stats.json")).unwrap();
    let line = |url: &str| text.lines().find(|line| line.contains(url)).expect(&text);
    let delivered = "\"parts\": 1, \"delivered\": 1, \"attempts\": 1, \"samples\": 36, \"samples_not_delivered\": 0";
    assert!(line(&urls[0]).contains(delivered), "{text}");
    let refused = "\"parts\": 1, \"delivered\": 0, \"attempts\": 1, \"samples\": 36, \"samples_not_delivered\": 36";
    assert!(line(&urls[1]).contains(refused), "{text}");
    assert!(line(&urls[1]).contains("flame-machine.pb.gz"), "{text}");
    Ok(())
}

fn labels_that_a_backend_refuses_are_told_before_recording() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("pyroscope")]));
    let url = receiver.url("pyroscope");
    for label in [["--label", "a b=c"], ["--label", "service_name=x"], ["--push-label", "a b"]] {
        let arguments = ["--push", &url, label[0], label[1]];
        let ended = lab::finish(&mut record(&directory, &arguments)).with_code(2);
        assert!(!ended.err.contains("replaying"), "{}", ended.err);
        super::one_clear_sentence(&ended);
    }
    assert_eq!(receiver.requests().len(), 0);
    Ok(())
}

fn urls_that_cannot_be() -> Result<(), Skip> {
    let directory = scratch();
    for url in ["", "x", "http://127.0.0.1:1", "loki+http://127.0.0.1:1", "parca+http://h?q=1"] {
        let ended = lab::finish(&mut record(&directory, &["--push", url])).with_code(2);
        assert!(ended.err.contains("--push"), "{}", ended.err);
    }
    let twice = ["--push", "parca+http://127.0.0.1:1", "--push", "parca+http://127.0.0.1:1/"];
    lab::finish(&mut record(&directory, &twice)).with_code(2);
    lab::finish(&mut upload(&directory, &["x.pb.gz"])).with_code(2);
    assert_eq!(files(&directory), Vec::<PathBuf>::new());
    Ok(())
}

fn giving_up_keeps_the_profile() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::Silence]));
    let url = receiver.url("otlp");
    let running = lab::start(&mut record(&directory, &["--push", &url, "--push-timeout", "1h"]));
    lab::wait_for("the request", || receiver.requests().pop());
    running.signal(rustix::process::Signal::INT);
    let ended = running.end().with_code(1);
    let (path, profile) = kept(&directory);
    assert_eq!(samples(&profile), 36);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(ended.err.contains("cancelled") && ended.err.contains(name), "{}", ended.err);
    Ok(())
}

fn the_version_names_the_protocol() -> Result<(), Skip> {
    let version = lab::run(["--version"]).with_code(0).out;
    assert!(version.contains(output::otlp::PROTO_VERSION), "{version}");
    let help = lab::run(["upload", "--help"]).with_code(0).out;
    let record = lab::run(["record", "--help"]).with_code(0).out;
    let page = lab::run(["man", "upload"]).with_code(0).out;
    for option in ["push", "service-name", "label", "push-token-file", "push-timeout"] {
        assert!(help.contains(&format!("--{option} ")), "{option} in {help}");
        assert!(record.contains(&format!("--{option} ")), "{option} in {record}");
        assert!(page.contains(&option.replace('-', "\\-")), "{option} in {page}");
    }
    Ok(())
}

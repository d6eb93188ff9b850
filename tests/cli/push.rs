//! Profiles to backends: what arrives, what is told, and that nothing is lost that did not arrive.

use crate::lab::{self, Ended};
use crate::pprof_file::PprofFile;
use crate::receiver::{Answer, Receiver};
use crate::{Skip, tests};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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
    urls_that_cannot_be,
    a_password_in_the_url_is_refused_and_not_shown,
    secrets_arrive_and_show_nowhere,
    secrets_are_not_handed_to_the_command,
    what_is_wrong_with_a_file_is_told_before_recording,
    credentials_over_plain_http_are_refused_before_recording,
    a_secret_that_everybody_may_read_is_a_warning,
    files_of_any_producer_are_sent,
    a_file_that_is_none_does_not_stop_the_others,
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
    assert!(ended.err.contains("refused"), "{}", ended.err);
    assert_eq!(samples(&kept(&directory).1), 36);

    let again = run_in(&directory, &format!("{} --push-timeout 1s", command_in(&ended)));
    assert!(again.with_code(1).err.contains("refused"), "still nobody");
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

fn a_password_in_the_url_is_refused_and_not_shown() -> Result<(), Skip> {
    let directory = scratch();
    for url in ["pyroscope+http://me:hunter2@127.0.0.1:1", "otlp+https://hunter2@h/x"] {
        for command in [
            &mut record(&directory, &["--push", url]),
            &mut upload(&directory, &["x", "--push", url]),
        ] {
            let ended = lab::finish(command).with_code(2);
            assert!(ended.err.contains("--push-password-file"), "{}", ended.err);
            assert!(!ended.err.contains("hunter2") && !ended.out.contains("hunter2"));
        }
    }
    Ok(())
}

/// A file that only its owner may read.
fn secret(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).expect("there is room");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    path.display().to_string()
}

/// Each way of handing over a secret: options, variables, and the header that it ends in.
fn ways(directory: &Path) -> Vec<(Vec<String>, Option<&'static str>, &'static str, &'static str)> {
    let option = |name: &str, file: &str, text: &str| {
        vec![String::from(name), secret(directory, file, text)]
    };
    let user = || vec![String::from("--push-user"), String::from("me")];
    let with_user = |more: Vec<String>| user().into_iter().chain(more).collect();
    // me:hunter2
    let basic = "Basic bWU6aHVudGVyMg==";
    let password = option("--push-password-file", "password", "hunter2\n");
    vec![
        (with_user(password), None, "authorization", basic),
        (user(), Some("BPFLAME_PUSH_PASSWORD"), "authorization", basic),
        (option("--push-token-file", "token", "hunter2"), None, "authorization", "Bearer hunter2"),
        (Vec::new(), Some("BPFLAME_PUSH_TOKEN"), "authorization", "Bearer hunter2"),
        (option("--push-header-file", "headers", "X-Key: hunter2\n"), None, "x-key", "hunter2"),
    ]
}

fn secrets_arrive_and_show_nowhere() -> Result<(), Skip> {
    let secrets = scratch();
    for (options, variable, header, value) in ways(secrets.path()) {
        let directory = scratch();
        // The backend repeats what it was given.
        let answer =
            Answer::Whole("401 Unauthorized", "text/plain", "no, hunter2 bWU6aHVudGVyMg==");
        let receiver = Receiver::start(&[answer]);
        let url = receiver.url("otlp");
        let mut command = record(&directory, &["-v", "--push", &url, "--stats", "stats.json"]);
        command.args(&options).envs(variable.map(|name| (name, "hunter2")));
        let ended = lab::finish(&mut command).with_code(1);
        assert_eq!(receiver.requests()[0].header(header), Some(value));
        let mut texts = vec![ended.err.clone().into_bytes(), ended.out.clone().into_bytes()];
        let written = files(&directory);
        assert_eq!(written.len(), 2, "{written:?}");
        for path in written {
            let bytes = fs::read(&path).unwrap();
            let mut plain = Vec::new();
            let gzip = std::io::Read::read_to_end(
                &mut flate2::read::GzDecoder::new(&bytes[..]),
                &mut plain,
            );
            texts.push(gzip.map_or(bytes, |_| plain));
        }
        for text in texts {
            let text = String::from_utf8_lossy(&text);
            let (_, sent) = value.split_once(' ').unwrap_or(("", value));
            for secret in ["hunter2", sent] {
                assert!(!text.contains(secret), "{options:?}: {text}");
            }
        }
        assert!(ended.err.contains("401"), "{}", ended.err);
    }
    Ok(())
}

fn secrets_are_not_handed_to_the_command() -> Result<(), Skip> {
    lab::need_root()?;
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let mut command =
        lab::command(["record", "-q", "-o", "x.folded", "--push", &receiver.url("otlp")]);
    command.args(["--", "env"]).current_dir(directory.path());
    command.env("BPFLAME_PUSH_TOKEN", "hunter2").env("BPFLAME_PUSH_PASSWORD", "hunter2");
    let ended = lab::finish(&mut command).with_code(0);
    assert!(ended.out.contains("PATH=") && !ended.out.contains("hunter2"), "{}", ended.out);
    Ok(())
}

fn what_is_wrong_with_a_file_is_told_before_recording() -> Result<(), Skip> {
    let (directory, secrets) = (scratch(), scratch());
    let receiver = Receiver::start(&[Answer::ok("otlp")]);
    let url = receiver.url("otlp");
    let file = |name: &str, text: &str| secret(secrets.path(), name, text);
    let (empty, lines) = (file("empty", "\n"), file("lines", "hunter2\nhunter3\n"));
    let (header, large) = (file("header", "A: b\nhunter2\n"), file("large", &"x".repeat(65_537)));
    let encrypted = String::from("otlp+https://127.0.0.1:1");
    for (url, option, path, told) in [
        (&url, "--push-token-file", "/no/such/file", "no such file"),
        (&url, "--push-token-file", "/", "directory"),
        (&url, "--push-token-file", &empty, "empty"),
        (&url, "--push-token-file", &lines, "more than one line"),
        (&url, "--push-token-file", &large, "64 KiB"),
        (&url, "--push-header-file", &header, "line 2"),
        (&encrypted, "--push-ca", &lines, "certificate"),
    ] {
        let ended = lab::finish(&mut record(&directory, &["--push", url, option, path]));
        let ended = ended.with_code(1);
        super::one_clear_sentence(&ended);
        assert!(ended.err.contains(told), "{option} {path}: {}", ended.err);
        assert!(!ended.err.contains("hunter") && !ended.err.contains("replaying"), "{}", ended.err);
    }
    let ended = lab::finish(&mut record(&directory, &["--push", &url, "--push-user", "me"]));
    assert!(ended.with_code(2).err.contains("BPFLAME_PUSH_PASSWORD"), "it names the ways");
    assert_eq!(receiver.requests().len(), 0);
    assert_eq!(files(&directory), Vec::<PathBuf>::new());
    Ok(())
}

fn credentials_over_plain_http_are_refused_before_recording() -> Result<(), Skip> {
    let directory = scratch();
    let mut command = record(&directory, &["--push", "pyroscope+http://pyroscope.invalid:4040"]);
    let ended = lab::finish(command.env("BPFLAME_PUSH_TOKEN", "hunter2")).with_code(1);
    assert!(ended.err.contains("--push-plain-credentials"), "{}", ended.err);
    assert!(!ended.err.contains("replaying") && !ended.err.contains("hunter2"), "{}", ended.err);
    assert_eq!(files(&directory), Vec::<PathBuf>::new());
    Ok(())
}

fn a_secret_that_everybody_may_read_is_a_warning() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let token = secret(directory.path(), "token", "hunter2\n");
    let url = receiver.url("otlp");
    let warnings = || {
        let arguments = ["--push", &url, "--push-token-file", &token];
        let ended = lab::finish(&mut record(&directory, &arguments)).with_code(0);
        ended.err.lines().filter(|line| line.contains(&token)).count()
    };
    assert_eq!(warnings(), 0);
    fs::set_permissions(&token, fs::Permissions::from_mode(0o604)).unwrap();
    assert_eq!(warnings(), 1);
    Ok(())
}

/// What a producer that is not bpflame writes: heap, not compressed, the program in the first mapping.
fn foreign() -> Vec<u8> {
    use pprof::protos::{Location, Mapping, Message, Profile, Sample, ValueType};
    let strings = ["", "inuse_space", "bytes", "/opt/shop/worker (deleted)"];
    let kind = ValueType { ty: 1, unit: 2 };
    let mapping = Mapping { id: 3, memory_limit: 0x1000, filename: 3, ..Mapping::default() };
    let location = Location { id: 9, mapping_id: 3, address: 0x10, ..Location::default() };
    let sample = Sample { location_id: vec![9], value: vec![4096], label: Vec::new() };
    let profile = Profile {
        sample_type: vec![kind],
        sample: vec![sample],
        mapping: vec![mapping],
        location: vec![location],
        string_table: strings.map(String::from).to_vec(),
        ..Profile::default()
    };
    profile.encode_to_vec()
}

fn files_of_any_producer_are_sent() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let url = receiver.url("otlp");
    lab::finish(&mut record(&directory, &["-o", "ours.pb.gz"])).with_code(0);
    fs::write(directory.path().join("theirs.prof"), foreign()).unwrap();
    let arguments = ["ours.pb.gz", "theirs.prof", "--push", &url];
    let ended = lab::finish(&mut upload(&directory, &arguments)).with_code(0);
    let to = format!("→ otlp at http://{}: 1 part", receiver.address());
    for told in [
        format!("ours.pb.gz {to}, 36 samples, 735 ms CPU"),
        format!("theirs.prof {to}, 1 sample, 4,096 bytes inuse_space"),
    ] {
        assert!(ended.err.contains(&told), "{told} in {}", ended.err);
    }
    let requests = receiver.requests();
    let body = String::from_utf8_lossy(&requests[1].body).into_owned();
    assert!(body.contains("service.name") && body.contains("worker"), "{body:?}");
    Ok(())
}

fn a_file_that_is_none_does_not_stop_the_others() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let url = receiver.url("otlp");
    lab::finish(&mut record(&directory, &["-o", "good.pb.gz"])).with_code(0);
    fs::write(directory.path().join("bad.pb.gz"), "no profile").unwrap();
    let arguments = ["absent.pb.gz", "bad.pb.gz", "good.pb.gz", "--push", &url];
    let ended = lab::finish(&mut upload(&directory, &arguments)).with_code(1);
    assert_eq!(receiver.requests().len(), 1);
    for told in
        ["absent.pb.gz: there is no such file", "bad.pb.gz: ", "good.pb.gz → otlp", "2 of 3"]
    {
        assert!(ended.err.contains(told), "{told} in {}", ended.err);
    }
    assert_eq!(files(&directory).len(), 2, "nothing is kept of what is there");
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
    assert!(ended.err.contains("given up") && ended.err.contains(name), "{}", ended.err);
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

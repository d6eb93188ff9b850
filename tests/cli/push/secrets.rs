//! Secrets: they arrive at the backend, and show nowhere else.

use super::{files, record, scratch, upload};
use crate::cli::one_clear_sentence;
use crate::lab;
use crate::receiver::{Answer, Receiver};
use crate::{Skip, tests};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

tests!(
    a_password_in_the_url_is_refused_and_not_shown,
    secrets_arrive_and_show_nowhere,
    secrets_are_not_handed_to_the_command,
    what_is_wrong_with_a_file_is_told_before_recording,
    credentials_over_plain_http_are_refused_before_recording,
    a_secret_that_everybody_may_read_is_a_warning,
    what_the_user_may_not_read_is_not_sent,
);

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
        one_clear_sentence(&ended);
        assert!(ended.err.contains(told), "{option} {path}: {}", ended.err);
        assert!(!ended.err.contains("hunter") && !ended.err.contains("replaying"), "{}", ended.err);
    }
    let ended = lab::finish(&mut record(&directory, &["--push", &url, "--push-user", "me"]));
    assert!(ended.with_code(2).err.contains("BPFLAME_PUSH_PASSWORD"), "it names the ways");
    let mut without_user = record(&directory, &["--push", &url]);
    let ended = lab::finish(without_user.env("BPFLAME_PUSH_PASSWORD", "hunter2")).with_code(2);
    one_clear_sentence(&ended);
    assert!(
        ended.err.contains("--push-user NAME") && !ended.err.contains("hunter2"),
        "{}",
        ended.err
    );
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

/// A bpflame that may read every file, in the hands of somebody who may not.
fn what_the_user_may_not_read_is_not_sent() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("setcap")?;
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let binary = directory.path().join("bpflame");
    fs::copy(lab::bpflame(), &binary).unwrap();
    let set = lab::finish(Command::new("setcap").arg("cap_dac_read_search+ep").arg(&binary));
    if !set.status.success() {
        return Err(Skip(format!("this file system keeps no capabilities: {}", set.err.trim())));
    }
    lab::finish(&mut record(&directory, &["-o", "a.pb.gz"])).with_code(0);
    let file = directory.path().join("a.pb.gz");
    let token = secret(directory.path(), "token", "hunter2");
    let url = receiver.url("otlp");
    let as_nobody = |more: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(["upload", "a.pb.gz", "--push", &url]).args(more);
        lab::finish(command.current_dir(directory.path()).uid(65534).gid(65534))
    };
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    as_nobody(&[]).with_code(0);
    assert!(as_nobody(&["--push-token-file", &token]).with_code(1).err.contains("not permitted"));
    mode(0o600);
    assert!(as_nobody(&[]).with_code(1).err.contains("not permitted"));
    assert_eq!(receiver.requests().len(), 1);
    Ok(())
}

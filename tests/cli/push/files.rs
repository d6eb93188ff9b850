//! `bpflame upload`: files of ours and of other producers, large ones and old ones.

use super::{command_in, files, kept, record, run_in, samples, scratch, upload};
use crate::lab;
use crate::receiver::{Answer, Receiver};
use crate::{Skip, tests};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

tests!(
    parts_that_did_not_arrive_are_kept_alone,
    an_old_profile_is_told_before_it_is_sent,
    what_is_kept_belongs_to_who_called_sudo,
    files_of_any_producer_are_sent,
    a_file_that_is_none_does_not_stop_the_others,
    what_a_file_says_does_not_reach_the_terminal_as_it_is,
    a_profile_without_samples_is_told_and_not_sent,
    what_a_receiver_rejects_is_not_delivered,
    giving_up_between_files_gives_up_the_rest,
);

/// A profile of so many samples, each with a stack of its own; it began so many hours ago.
fn large(samples: u64, hours: u64) -> Vec<u8> {
    use pprof::protos::{Function, Line, Location, Message, Profile, Sample, ValueType};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let began = now - std::time::Duration::from_secs(hours * 3600);
    let mut strings = vec![String::new(), String::from("samples"), String::from("count")];
    strings.extend((1..=samples).map(|id| format!("function_{id}")));
    let name = |id: u64| id as i64 + 2;
    let function = |id| Function { id, name: name(id), ..Function::default() };
    let line = |function_id| vec![Line { function_id, line: 1 }];
    let location = |id| Location { id, line: line(id), ..Location::default() };
    let sample = |id| Sample { location_id: vec![id], value: vec![1], label: Vec::new() };
    let profile = Profile {
        sample_type: vec![ValueType { ty: 1, unit: 2 }],
        sample: (1..=samples).map(sample).collect(),
        location: (1..=samples).map(location).collect(),
        function: (1..=samples).map(function).collect(),
        string_table: strings,
        time_nanos: i64::try_from(began.as_nanos()).unwrap(),
        ..Profile::default()
    };
    profile.encode_to_vec()
}

fn parts_that_did_not_arrive_are_kept_alone() -> Result<(), Skip> {
    let (directory, elsewhere) = (scratch(), scratch());
    let file = elsewhere.path().join("large.pb");
    fs::write(&file, large(20_000, 0)).unwrap();
    let file = file.display().to_string();
    let answers = [Answer::ok("pyroscope"), Answer::REFUSED, Answer::ok("pyroscope")];
    let receiver = Receiver::start(&answers);
    let url = receiver.url("pyroscope");
    let ended = lab::finish(&mut upload(&directory, &[&file, "--push", &url])).with_code(1);
    assert_eq!(receiver.requests().len(), 2);
    let (path, rest) = kept(&directory);
    assert!(!ended.err.contains("warning"), "it is not old: {}", ended.err);
    let left = samples(&rest);
    assert!(0 < left && left < 20_000, "{left}");
    let told =
        format!("1 of 2 parts delivered, {},{:03} samples missing", left / 1000, left % 1000);
    assert!(ended.err.contains(&told), "{told} in {}", ended.err);
    let stacks: BTreeSet<_> = rest.samples.iter().map(|sample| &sample.stack).collect();
    assert_eq!(stacks.len() as i64, left, "each is there once");

    let command = command_in(&ended);
    assert!(command.contains(path.file_name().unwrap().to_str().unwrap()), "{command}");
    let again = run_in(&directory, &command).with_code(0);
    assert_eq!(receiver.requests().len(), 3);
    let told = format!(": 1 part, {},{:03} samples", left / 1000, left % 1000);
    assert!(again.err.contains(&told), "{}", again.err);
    Ok(())
}

fn an_old_profile_is_told_before_it_is_sent() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("pyroscope")]));
    let url = receiver.url("pyroscope");
    fs::write(directory.path().join("old.pb"), large(3, 2)).unwrap();
    let ended = lab::finish(&mut upload(&directory, &["old.pb", "--push", &url])).with_code(0);
    let told = ended.err.find("older than an hour").expect(&ended.err);
    assert!(told < ended.err.find("1 part").expect(&ended.err), "{}", ended.err);
    assert_eq!(receiver.requests().len(), 1, "the backend decides");
    Ok(())
}

/// A file from a producer other than bpflame: heap, not compressed, the program in the first mapping.
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

/// A profile with one sample of a value, and with these words.
fn said(value: i64, unit: &str, comment: &str) -> Vec<u8> {
    use pprof::protos::{Message, Profile, Sample, ValueType};
    let profile = Profile {
        sample_type: vec![ValueType { ty: 1, unit: 2 }],
        sample: vec![Sample { location_id: Vec::new(), value: vec![value], label: Vec::new() }],
        string_table: ["", "kind", unit, comment].map(String::from).to_vec(),
        comment: vec![3],
        ..Profile::default()
    };
    profile.encode_to_vec()
}

fn what_a_file_says_does_not_reach_the_terminal_as_it_is() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::REFUSED]));
    let url = receiver.url("otlp");
    let odd = "\u{1b}]0;title\u{7}\n\u{202e}";
    let file = format!("a.{odd}.pb");
    fs::write(directory.path().join(&file), said(7, odd, &format!("service_name: {odd}"))).unwrap();
    let ended = lab::finish(&mut upload(&directory, &[&file, "--push", &url])).with_code(1);
    let obeyed = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
    assert!(!ended.err.contains(obeyed), "{:?}", ended.err);
    assert!(!ended.err.contains("service_name"), "{}", ended.err);
    Ok(())
}

fn a_profile_without_samples_is_told_and_not_sent() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let url = receiver.url("otlp");
    fs::write(directory.path().join("idle.pb"), said(0, "count", "")).unwrap();
    let ended = lab::finish(&mut upload(&directory, &["idle.pb", "--push", &url])).with_code(3);
    assert_eq!(ended.err, "bpflame: idle.pb: the profile has no samples\n");
    assert_eq!(receiver.requests().len(), 0);
    Ok(())
}

fn what_a_receiver_rejects_is_not_delivered() -> Result<(), Skip> {
    let rejected = r#"{"partialSuccess":{"rejectedProfiles":"1","errorMessage":"too odd"}}"#;
    let answer = Answer::Whole("200 OK", "application/json", rejected);
    let (directory, receiver) = (scratch(), Receiver::start(&[answer]));
    let url = receiver.url("otlp");
    let ended = lab::finish(&mut record(&directory, &["--push", &url])).with_code(1);
    assert!(ended.err.contains("1 profile was rejected: too odd"), "{}", ended.err);
    assert_eq!((receiver.requests().len(), samples(&kept(&directory).1)), (1, 36));
    Ok(())
}

fn giving_up_between_files_gives_up_the_rest() -> Result<(), Skip> {
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::ok("otlp")]));
    let url = receiver.url("otlp");
    fs::write(directory.path().join("first.pb"), said(7, "count", "")).unwrap();
    let (second, words) = (directory.path().join("second"), directory.path().join("words"));
    lab::finish(Command::new("mkfifo").arg(&second)).with_code(0);
    let command = upload(&directory, &["first.pb", "second", "--push", &url]);
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$0" "$@" 2> words"#]).current_dir(directory.path());
    let running = lab::start(shell.arg(command.get_program()).args(command.get_args()));
    // Can be opened when the other side reads it.
    let mut writer = fs::OpenOptions::new().write(true).open(&second).unwrap();
    running.signal(rustix::process::Signal::INT);
    let told = || fs::read_to_string(&words).unwrap();
    lab::wait_for("the word", || told().contains("upload cancelled").then_some(()));
    writer.write_all(&said(8, "count", "")).unwrap();
    drop(writer);
    running.end().with_code(1);
    assert!(told().contains("cancelled before the first attempt"), "{}", told());
    assert_eq!(receiver.requests().len(), 1);
    Ok(())
}

fn what_is_kept_belongs_to_who_called_sudo() -> Result<(), Skip> {
    lab::need_root()?;
    let (directory, receiver) = (scratch(), Receiver::start(&[Answer::REFUSED]));
    let url = receiver.url("otlp");
    let mut command = record(&directory, &["--push", &url]);
    let caller = [("SUDO_UID", "1234"), ("SUDO_GID", "5678"), ("SUDO_USER", "nobody-of-here")];
    lab::finish(command.envs(caller)).with_code(1);
    let metadata = fs::metadata(kept(&directory).0).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 5678));
    Ok(())
}

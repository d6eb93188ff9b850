//! A format that asks for times gets the time of each sample, from the source to the file.

use crate::cli::args::{Cli, Command};
use crate::cli::config::Config;
use crate::cli::outputs::Place;
use crate::session::record::record;
use clap::Parser;
use output::{Encode, Format, Profile};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes one line for each sample: its bytes, and its times in microseconds. The first line has the samples without a
/// time.
#[derive(Debug)]
struct AllTimes;

impl Encode for AllTimes {
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let Some(timeline) = &profile.timeline else { return writeln!(to, "none") };
        writeln!(to, "{} {}", timeline.begin, timeline.untimed)?;
        for (event, times) in timeline.samples.iter().flat_map(|sample| sample.rows()) {
            let list: Vec<String> = times.iter().map(|time| time.to_string()).collect();
            writeln!(to, "{event} {} {}", times.bytes(), list.join(" "))?;
        }
        Ok(())
    }
}

const ASKS: Format =
    Format { name: "times", extensions: &["times"], times: true, encoder: |_| Box::new(AllTimes) };

/// The file that the replay of a recording writes.
fn replayed(recording: &Path, format: Format) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let line = ["bpflame", "record", "-q", "-o", "-", "--format", "folded", "--replay"];
    let line = line.map(Into::into).into_iter().chain([recording.as_os_str().to_owned()]);
    let Command::Record(args) = Cli::try_parse_from(line).unwrap().command else { panic!() };
    let mut config = Config::new(*args).unwrap();
    config.outputs.list = vec![(Place::File(path.clone()), format)];
    record(&config, None).unwrap();
    fs::read_to_string(path).unwrap()
}

/// The times of a recording's samples in nanoseconds.
fn recorded(recording: &Path) -> Vec<u64> {
    let text = fs::read_to_string(recording).unwrap();
    let samples = text.lines().filter_map(|line| line.strip_prefix("sample "));
    let time = |line: &str| u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
    samples.map(time).collect()
}

#[test]
fn each_sample_has_its_time_where_a_format_asks_for_it() {
    let recording = Path::new("../testdata/recordings/chain.txt");
    let nanoseconds = recorded(recording);
    let first = nanoseconds.iter().min().unwrap();
    let mut expected: Vec<u64> = nanoseconds.iter().map(|time| (time - first) / 1_000).collect();
    expected.sort();

    let text = replayed(recording, ASKS);
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap(), format!("{first} 0"), "none is without a time");
    let (mut found, mut bytes) = (Vec::new(), 0);
    for line in lines {
        let mut numbers = line.split(' ').map(|number| number.parse::<u64>().unwrap());
        assert_eq!(numbers.next(), Some(0), "the first event");
        bytes += numbers.next().unwrap();
        found.extend(numbers);
    }
    found.sort();
    assert_eq!(found, expected);
    assert!(found.len() > 30 && bytes <= 4 * found.len() as u64, "{bytes} of {}", found.len());
}

#[test]
fn without_a_format_that_asks_there_are_no_times() {
    let recording = Path::new("../testdata/recordings/chain.txt");
    assert_eq!(replayed(recording, Format { times: false, ..ASKS }), "none\n");
}

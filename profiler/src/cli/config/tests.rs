use super::*;
use crate::cli::args::{Cli, Command};
use clap::Parser;
use output::{folded, pprof};

fn args(line: &str) -> RecordArgs {
    let words = ["bpflame", "record"].into_iter().chain(line.split_whitespace());
    match Cli::try_parse_from(words).unwrap().command {
        Command::Record(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn extensions_pick_formats() {
    let config = Config::new(args("-a -o a.svg -o b.pb.gz -o c.txt")).unwrap();
    let formats: Vec<Format> = config.outputs.list.iter().map(|(_, format)| *format).collect();
    assert_eq!(formats, [svg::FORMAT, pprof::FORMAT, folded::FORMAT]);
}

#[test]
fn a_format_is_needed_where_no_extension_tells() {
    for wrong in ["-a -o -", "-a -o x.png", "-a -o x", "-a --format png -o x", "-a --format folded"]
    {
        assert_eq!(Config::new(args(wrong)).unwrap_err().kind, Kind::Usage, "{wrong}");
    }
    let config = Config::new(args("-a -o - --format folded")).unwrap();
    assert_eq!(config.outputs.list, [(Place::Stdout, folded::FORMAT)]);
    assert!(Config::new(args("-a -o - -o - --format folded")).is_err());
}

#[test]
fn until_when() {
    let ten = Duration::from_secs(10);
    assert_eq!(until(&args("-a -d 10"), true), Until::Time(ten));
    assert_eq!(until(&args("-d 10 -- ls"), true), Until::Time(ten));
    assert_eq!(until(&args("-- ls"), true), Until::Command);
    assert_eq!(until(&args("-a"), true), Until::Interrupt);
    assert_eq!(until(&args("-a"), false), Until::Default(ten));
}

#[test]
fn events_are_named_once_and_the_timer_has_the_frequency() {
    let events = |line| Config::new(args(line)).map(|config| config.sampling.events);
    let names = |line| -> Vec<String> {
        events(line).unwrap().into_iter().map(|event| event.name).collect()
    };
    assert_eq!(events("-a").unwrap(), [EventSpec::timer(99)]);
    assert_eq!(events("-a -F 49").unwrap(), [EventSpec::timer(49)]);
    assert_eq!(events("-a -F 49 -e profile").unwrap(), [EventSpec::timer(49)]);
    assert_eq!(events("-a -e profile:hz:199").unwrap(), [EventSpec::timer(199)]);
    let both = names("-a -e software:page-faults:1 -e profile");
    assert_eq!(both, ["page-faults", "profile"]);
    for wrong in ["-a -e x", "-a -e profile:hz:0", "-a -e page-faults -e page-faults:1"] {
        assert_eq!(events(wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
    }
}

#[test]
fn a_rate_that_no_event_takes_is_refused() {
    let events = |line| Config::new(args(line)).map(|config| config.sampling.events);
    for wrong in [
        "-a -F 49 -e profile:hz:199",
        "-a -F 99 -e profile:hz:99",
        "-a -F 49 -e page-faults -e minor-faults:1",
    ] {
        let failure = events(wrong).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage, "{wrong}");
        assert!(failure.message.contains("has no effect"), "{failure}");
    }
    assert!(events("-a -F 49 -e page-faults -e profile").is_ok());
}

#[test]
fn only_user_and_only_kernel() {
    let config = |line| Config::new(args(line)).unwrap().sampling;
    assert!(config("-a").user && config("-a").kernel);
    assert!(config("-a -U").user && !config("-a -U").kernel);
    assert!(!config("-a -K").user && config("-a -K").kernel);
}

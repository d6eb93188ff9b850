//! From a file without names to one with them.

use super::*;
use crate::report::local::fixture;
use output::{
    FrameKind, FrameRef, Location, LocationId, Mapping, MappingId, Marks, Pprof, Sample, Trust,
    ValueType,
};
use std::path::{Path, PathBuf};

/// One sample in `hot` of a library, its name not known.
fn nameless(mapping: Mapping, address: u64) -> Profile {
    let value = |kind: &str, unit: &str| ValueType { kind: kind.into(), unit: unit.into() };
    let frames = vec![FrameRef { location: LocationId(0), trust: Trust::Sure }];
    Profile {
        sample_types: vec![value("samples", "count"), value("cpu", "nanoseconds")],
        default_sample_type: 1,
        mappings: vec![mapping],
        locations: vec![Location {
            mapping: Some(MappingId(0)),
            address,
            lines: Vec::new(),
            kind: FrameKind::User,
        }],
        samples: vec![Sample {
            frames,
            values: vec![3, 30],
            labels: Vec::new(),
            marks: Marks::default(),
        }],
        ..Profile::default()
    }
}

fn written(profile: &Profile, dir: &Path) -> PathBuf {
    let path = dir.join("in.pb.gz");
    let mut bytes = Vec::new();
    Pprof::default().encode(profile, &mut bytes).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn args(file: &Path, more: &[&str]) -> ReportArgs {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ReportArgs,
    }
    let words = ["report", "-q", file.to_str().unwrap()].into_iter().chain(more.iter().copied());
    <Line as clap::Parser>::try_parse_from(words).unwrap().args
}

/// The folded stacks that `report` makes of a profile.
fn folded(profile: &Profile, more: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("out.folded");
    let more: Vec<&str> = more.iter().copied().chain(["-o", to.to_str().unwrap()]).collect();
    run(&args(&written(profile, dir.path()), &more)).unwrap();
    std::fs::read_to_string(to).unwrap()
}

#[test]
fn recorded_there_and_named_here() {
    let library = fixture::Library::built();
    let own = nameless(library.mapping(library.text.0), library.text.0);
    assert_eq!(folded(&own, &[]), "hot 3\n", "addresses as bpflame writes them");
    assert_eq!(folded(&own, &["--sample-type", "cpu"]), "hot 30\n");
    assert_eq!(folded(&own, &["--no-symbolize"]), "[unknown] library.so 3\n");
    let loaded = 0x7f00_0000_0000;
    let foreign = nameless(library.mapping(loaded), loaded);
    assert_eq!(folded(&foreign, &[]), "hot 3\n", "run-time addresses, as others write them");
}

#[test]
fn another_build_id_names_nothing() {
    let library = fixture::Library::built();
    for start in [library.text.0, 0x7f00_0000_0000] {
        let other = Mapping { build_id: "00".repeat(20), ..library.mapping(start) };
        assert_eq!(folded(&nameless(other, start), &[]), "[unknown] library.so 3\n");
    }
}

#[test]
fn outputs_that_cannot_be_are_known_before_the_file_is_read() {
    let missing = Path::new("/absent/in.pb.gz");
    let kind = |more: &[&str]| run(&args(missing, more)).unwrap_err().kind;
    assert_eq!(kind(&["-o", "x.png"]), Kind::Usage);
    assert_eq!(kind(&["-o", "-"]), Kind::Usage);
    assert_eq!(kind(&["-o", "x.svg", "--format", "png"]), Kind::Usage);
    assert_eq!(kind(&["-o", "x.pb.gz", "--group-by", "comm"]), Kind::Usage);
    assert_eq!(kind(&["-o", "-", "-o", "-", "--format", "svg"]), Kind::Usage);
    let unwritable = run(&args(missing, &["-o", "/absent/x.svg"])).unwrap_err();
    assert_eq!(unwritable.kind, Kind::Failed);
    assert!(unwritable.message.contains("/absent/x.svg"), "{unwritable}");
    let unreadable = run(&args(missing, &[])).unwrap_err();
    assert!(unreadable.message.contains("/absent/in.pb.gz: there is no such file"), "{unreadable}");
}

#[test]
fn a_failure_leaves_no_output_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("in.pb.gz"), dir.path().join("out.svg"));
    std::fs::write(&from, b"garbage").unwrap();
    assert_eq!(run(&args(&from, &["-o", to.to_str().unwrap()])).unwrap_err().kind, Kind::Failed);
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["in.pb.gz"]);
}

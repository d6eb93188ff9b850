//! Reports: tables, other forms, and files that are no profiles.

use super::one_clear_sentence;
use crate::lab;
use crate::{Skip, tests};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

tests!(a_corrupt_file, a_bomb, as_a_table_and_as_other_forms, by_a_label,);

fn a_corrupt_file() -> Result<(), Skip> {
    let directory = tempdir().expect("there is room");
    let file = directory.path().join("corrupt.pb.gz");
    for bytes in [&b""[..], b"no profile", b"\x1f\x8b\x08\x00broken"] {
        fs::write(&file, bytes).expect("there is room");
        report_refuses(&file);
    }
    Ok(())
}

fn a_bomb() -> Result<(), Skip> {
    use std::io::Write;
    let directory = tempdir().unwrap();
    let file = directory.path().join("bomb.pb.gz");
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    member.write_all(&vec![0; 1 << 20]).unwrap();
    fs::write(&file, member.finish().unwrap().repeat(1024)).unwrap();
    report_refuses(&file);
    Ok(())
}

/// A file that is no profile is named, in one sentence.
#[track_caller]
fn report_refuses(file: &Path) {
    let ended = lab::finish(lab::command(["report"]).arg(file)).with_code(1);
    let name = file.file_name().and_then(OsStr::to_str).expect("a plain name");
    assert!(ended.err.contains(name), "{}", ended.err);
    one_clear_sentence(&ended);
}

fn as_a_table_and_as_other_forms() -> Result<(), Skip> {
    let directory = tempdir().unwrap();
    let at = |name| directory.path().join(name);
    let mut command = lab::command(["record", "-q", "--replay"]);
    command.arg(lab::root().join("testdata/recordings/mappings.txt"));
    lab::finish(command.arg("-o").arg(at("a.pb.gz")).arg("-o").arg(at("a.folded"))).with_code(0);
    let table = lab::finish(lab::command(["report"]).arg(at("a.pb.gz"))).with_code(0).out;
    assert!(table.contains("old.so") && table.contains("[jit]"), "{table}");
    lab::finish(lab::command(["report"]).arg(at("a.pb.gz")).arg("-o").arg(at("b.folded")))
        .with_code(0);
    let read = |name| fs::read_to_string(at(name)).unwrap();
    // The process, which is the root of a recording's stacks, is a label in a pprof file.
    let sorted = |text: &str, root: &str| -> Vec<String> {
        let mut lines: Vec<_> = text.lines().map(|line| format!("{root}{line}")).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(
        sorted(&read("a.folded"), ""),
        sorted(&read("b.folded"), "host;"),
        "also the counts"
    );
    lab::finish(lab::command(["report"]).arg(at("a.pb.gz")).arg("-o").arg(at("b.svg")))
        .with_code(0);
    assert!(read("b.svg").contains("<svg"), "it is a graph");
    Ok(())
}

fn by_a_label() -> Result<(), Skip> {
    let directory = tempdir().unwrap();
    let file = directory.path().join("a.pb.gz");
    let mut command = lab::command(["record", "-q", "--replay"]);
    command.arg(lab::root().join("testdata/recordings/threads.txt"));
    lab::finish(command.arg("-o").arg(&file)).with_code(0);
    let report = |label| lab::finish(lab::command(["report", "--group-by", label]).arg(&file));
    let table = report("tid").with_code(0).out;
    assert!(table.lines().any(|line| line.ends_with("TOTAL%  TID")), "{table}");
    assert!(table.lines().any(|line| line.contains("TID") && line.contains("FUNCTION")), "{table}");
    let ended = report("cmm").with_code(2);
    assert!(ended.err.contains("the labels are comm, "), "{}", ended.err);
    assert_eq!(ended.out, "");
    one_clear_sentence(&ended);
    Ok(())
}

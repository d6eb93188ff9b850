//! Golden outputs of a small profile, in `testdata/golden`. `BLESS=1 cargo test -p output` writes them anew.

use crate::formats::svg::tests::{frames, parse};
use crate::testing::small;
use crate::{Encode, Folded, Pprof, Svg, Table};
use pprof::protos::{self, Message};
use std::fmt::Write;
use std::path::Path;

fn encode(encoder: &dyn Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    encoder.encode(&small(), &mut bytes).unwrap();
    bytes
}

fn text(encoder: &dyn Encode) -> String {
    String::from_utf8(encode(encoder)).unwrap()
}

pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(golden == text, "{name} is not what it was; BLESS=1 takes the new one:\n{text}");
}

#[test]
fn folded_stacks() {
    compare("small.folded", &text(&Folded { column: Some(0), ..Folded::default() }));
    let root = Some("comm".into());
    compare("small.annotated.folded", &text(&Folded { annotate: true, root, column: Some(0) }));
}

#[test]
fn table() {
    compare("small.table.txt", &text(&Table::default()));
}

/// The messages, as an independent decoder prints them.
#[test]
fn pprof_messages() {
    let bytes = encode(&Pprof { gzip: false, ..Pprof::default() });
    let profile = protos::Profile::decode(bytes.as_slice()).unwrap();
    let mut text = String::new();
    for (id, string) in profile.string_table.iter().enumerate() {
        writeln!(text, "string {id} {string:?}").unwrap();
    }
    let tables = [
        format!("{:#?}", profile.sample_type),
        format!("{:#?}", profile.mapping),
        format!("{:#?}", profile.location),
        format!("{:#?}", profile.function),
        format!("{:#?}", profile.sample),
    ];
    text.push_str(&tables.join("\n"));
    let head = protos::Profile {
        string_table: Vec::new(),
        sample_type: Vec::new(),
        mapping: Vec::new(),
        location: Vec::new(),
        function: Vec::new(),
        sample: Vec::new(),
        ..profile
    };
    writeln!(text, "\n{head:#?}").unwrap();
    compare("small.pprof.txt", &text);
}

/// The frames of the picture; the rest of it is inferno's.
#[test]
fn flame_graph_frames() {
    let svg = text(&Svg { root: Some("comm".into()), column: Some(0), ..Svg::default() });
    let lines = frames(&parse(&svg)).into_iter().map(|(title, fill)| format!("{fill} {title}\n"));
    compare("small.svg.txt", &lines.collect::<String>());
}

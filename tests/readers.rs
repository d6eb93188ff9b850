//! pprof files as other people's readers see them: the same stacks, values and labels as the decoder of the tests.

use crate::lab;
use crate::pprof_file::PprofFile;
use crate::{Skip, tests};
use std::path::Path;
use std::process::Command;

tests!(the_npm_reader_sees_the_same);

/// Prints a line a sample: values, stack (root first), labels; then a line a mapping.
const SCRIPT: &str = r"
const { Profile } = require('pprof-format'), fs = require('fs'), zlib = require('zlib');
const p = Profile.decode(zlib.gunzipSync(fs.readFileSync(process.argv[1])));
const text = (i) => p.stringTable.strings[Number(i)];
const byId = (list) => new Map(list.map((x) => [Number(x.id), x]));
const functions = byId(p.function), locations = byId(p.location);
const names = (id) => locations.get(Number(id)).line.map((l) => text(functions.get(Number(l.functionId)).name)).reverse();
const label = (l) => text(l.key) + '=' + (Number(l.str) ? text(l.str) : Number(l.num));
for (const s of p.sample) {
  const stack = [...s.locationId].reverse().flatMap(names);
  console.log(JSON.stringify(['sample', s.value.map(Number).join(' '), ...stack, ...s.label.map(label).sort()]));
}
for (const m of p.mapping) console.log(JSON.stringify(['mapping', text(m.filename), text(m.buildId)]));
";

fn the_npm_reader_sees_the_same() -> Result<(), Skip> {
    let modules = std::env::var_os("READERS")
        .ok_or_else(|| Skip("READERS does not say where npm's pprof-format is".to_owned()))?;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out.pb.gz");
    for recording in ["chain", "identity", "mappings", "threads", "losses"] {
        let path = lab::root().join(format!("testdata/recordings/{recording}.txt"));
        let mut replay = lab::command(["record", "-q", "--replay"]);
        let ended = lab::finish(replay.arg(path).arg("-o").arg(&file));
        ended.with_code(0);
        let mut node = Command::new("node");
        node.env("NODE_PATH", &modules).arg("-e").arg(SCRIPT).arg(&file);
        let theirs = lab::finish(&mut node).with_code(0).out;
        let ours = lines(&file);
        assert!(ours.len() > 2, "{recording} has samples and mappings");
        assert_eq!(theirs.lines().collect::<Vec<_>>(), ours, "{recording}");
    }
    Ok(())
}

/// The same lines, by the decoder of the tests.
fn lines(file: &Path) -> Vec<String> {
    let profile = PprofFile::read(file);
    let sample = |s: &crate::pprof_file::Sample| {
        let values: Vec<String> = s.values.iter().map(i64::to_string).collect();
        let mut labels: Vec<String> = s.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        labels.sort();
        let stack = s.stack.iter().cloned();
        json(["sample".to_owned(), values.join(" ")].into_iter().chain(stack).chain(labels))
    };
    let samples = profile.samples.iter().map(sample);
    let mapping = |m: &crate::pprof_file::Mapping| {
        json(["mapping".to_owned(), m.file.clone(), m.build_id.clone()].into_iter())
    };
    samples.chain(profile.mappings.iter().map(mapping)).collect()
}

/// An array of strings as JavaScript writes it.
fn json(words: impl Iterator<Item = String>) -> String {
    let escaped = |w: String| w.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let quoted: Vec<String> = words.map(|w| format!("\"{}\"", escaped(w))).collect();
    format!("[{}]", quoted.join(","))
}

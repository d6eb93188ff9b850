//! A recording that is pushed, and what must be true of what arrived.

use super::received::{Frame, Received, Sample};
use crate::Skip;
use crate::lab;
use std::collections::BTreeMap;

/// The value columns.
pub(crate) const COUNT: &str = "samples/count";
pub(crate) const CPU: &str = "cpu/nanoseconds";
pub(crate) const SERVICE: &str = "chain-fixture";

/// Records `chain` and pushes it to these URLs. What was recorded, from the file that was written beside.
pub(crate) fn push(urls: &[String], options: &str) -> Result<Received, Skip> {
    lab::need_root()?;
    let chain = lab::program("chain")?;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("beside.pb.gz");
    let mut command = lab::command(["record", "-F", "499", "--service-name", SERVICE]);
    command.args(["--label", "region=here", "-o"]).arg(&file).args(options.split_whitespace());
    command.args(urls.iter().flat_map(|url| ["--push", url])).arg("--").arg(chain).arg("2");
    lab::finish(&mut command).with_code(0);
    Ok(Received::from_file(&file))
}

/// Each stack with its value, whatever the labels. A frame without a name may have been called `[unknown]` on the way.
pub(crate) fn stacks<'a>(
    parts: impl IntoIterator<Item = &'a Received>,
    kind: &str,
) -> BTreeMap<Vec<Frame>, i64> {
    let mut all = BTreeMap::new();
    for part in parts {
        let Some(column) = part.types.iter().position(|t| t == kind) else { continue };
        for sample in &part.samples {
            let mut stack = sample.stack.clone();
            stack.iter_mut().filter(|f| f.function == "[unknown]").for_each(|f| f.function.clear());
            *all.entry(stack).or_insert(0) += sample.values[column];
        }
    }
    all
}

/// The same without addresses, for those who forget them.
pub(crate) fn named(stacks: BTreeMap<Vec<Frame>, i64>) -> BTreeMap<Vec<Frame>, i64> {
    let mut all = BTreeMap::new();
    for (stack, value) in stacks {
        let bare = |frame: Frame| Frame { address: 0, ..frame };
        *all.entry(stack.into_iter().map(bare).collect()).or_insert(0) += value;
    }
    all
}

/// The hot function is there, in its file, at its line, with three quarters of what `main` has.
pub(crate) fn assert_hot(parts: &[Received], kind: &str) {
    let source = std::fs::read_to_string(lab::root().join("testdata/programs/chain.c")).unwrap();
    let line = source.lines().position(|line| line.contains("spin(300000)")).unwrap() as i64 + 1;
    let at_its_line = |sample: &Sample| {
        sample.frame("omega").is_some_and(|f| f.line == line && f.file.ends_with("chain.c"))
    };
    let sum = |fits: &dyn Fn(&Sample) -> bool| -> f64 {
        parts.iter().map(|part| part.sum_where(kind, fits)).sum::<i64>() as f64
    };
    let share = sum(&at_its_line) / sum(&|sample| sample.frame("main").is_some());
    assert!((0.6..0.9).contains(&share), "omega at line {line} has {share} of {kind}");
}

/// What arrived is what was recorded: each stack's value in both columns, type, unit, time and period.
pub(crate) fn assert_same(whole: &Received, parts: &[Received]) {
    assert!(whole.sum(COUNT) > 100, "{} samples were recorded", whole.sum(COUNT));
    for kind in [COUNT, CPU] {
        assert_eq!(parts.iter().map(|p| p.sum(kind)).sum::<i64>(), whole.sum(kind), "{kind}");
        assert_same_stacks(parts, whole, kind);
        assert_hot(parts, kind);
    }
    for part in parts {
        assert!(part.types.iter().all(|t| t == COUNT || t == CPU), "{:?}", part.types);
        assert_eq!(part.period_type, CPU);
        assert_eq!((part.period, part.duration), (whole.period, whole.duration));
        // Parts for Pyroscope stand a millisecond apart each.
        let later = part.time - whole.time;
        assert!(later % 1_000_000 == 0 && later / 1_000_000 < parts.len() as i64, "{later} ns");
    }
}

/// The parts have the whole's stacks and values.
pub(crate) fn assert_same_stacks(parts: &[Received], whole: &Received, kind: &str) {
    let (theirs, ours) = (stacks(parts, kind), stacks([whole], kind));
    // All of them would be megabytes.
    let other = theirs.iter().find(|(stack, value)| ours.get(*stack) != Some(value));
    if let Some((stack, value)) = other {
        panic!("{kind} {value} arrived, {:?} was sent of {:?}", ours.get(stack), stack.first());
    }
    assert_eq!(theirs.len(), ours.len(), "stacks of {kind}");
}

/// Only labels of the allow-list go along.
pub(crate) fn assert_labels(parts: &[Received]) {
    for sample in parts.iter().flat_map(|p| &p.samples) {
        for key in ["pid", "tid", "thread", "process.pid", "thread.id", "thread.name"] {
            assert!(!sample.labels.contains_key(key), "{:?}", sample.labels);
        }
    }
}

/// Labels of the whole.
pub(crate) fn assert_series(part: &Received, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
    assert_eq!(part.labels, expected);
}

/// The id of a profile type of ours.
pub(crate) fn type_id(kind: &str) -> String {
    format!("process_cpu:{}:cpu:nanoseconds", kind.replace('/', ":"))
}

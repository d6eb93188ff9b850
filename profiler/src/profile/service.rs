//! The service name of a profile without `--service-name`.

use output::{LabelValue, Profile};
use std::path::Path;

/// The label with the service name, and the beginning of the comment with it in our files.
const LABEL: &str = "service_name";
/// The longest name taken from a file, in bytes.
const LONGEST: usize = 200;

/// The comment with the service name in our files.
pub(crate) fn comment(service: &str) -> String {
    format!("{LABEL}: {service}")
}

/// The service name of a file, from the first of these: a label that all its samples have, our comment, the program (`main`), the
/// name of the file. A name that is too long or has control characters is skipped. `None` if no source has a name.
pub(crate) fn of_file(profile: &Profile, main: Option<&str>, file: &Path) -> Option<String> {
    let mut found = [label(profile), commented(profile), main.and_then(program), stem(file)];
    found.iter_mut().find_map(|name| name.take().filter(|name| is_name(name)))
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn label(profile: &Profile) -> Option<String> {
    let mut samples = profile.samples.iter().map(|sample| {
        sample.labels.iter().find(|label| label.key == LABEL).map(|label| &label.value)
    });
    let first = samples.next()??;
    match first {
        LabelValue::Text(name) if samples.all(|other| other == Some(first)) => Some(name.clone()),
        _ => None,
    }
}

fn commented(profile: &Profile) -> Option<String> {
    let mut names =
        profile.comments.iter().filter_map(|line| line.strip_prefix(LABEL)?.strip_prefix(": "));
    names.next().map(String::from)
}

fn program(path: &str) -> Option<String> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    (!name.starts_with('[')).then(|| name.to_owned())
}

/// `cpu` of `/tmp/cpu.pb.gz`.
fn stem(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    (name != "-").then(|| stem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::{Label, Marks, Sample};

    fn profile(labels: &[Option<&str>], comments: &[&str]) -> Profile {
        let sample = |value: &Option<&str>| {
            let label = |text: &str| Label {
                key: String::from(LABEL),
                value: LabelValue::Text(text.to_owned()),
            };
            let labels = value.map(label).into_iter().collect();
            Sample { frames: Vec::new(), values: Vec::new(), labels, marks: Marks::default() }
        };
        Profile {
            samples: labels.iter().map(sample).collect(),
            comments: comments.iter().map(|line| String::from(*line)).collect(),
            ..Profile::default()
        }
    }

    #[test]
    fn the_nearest_source_wins() {
        let name = |profile: &Profile, main: Option<&str>, file: &str| {
            of_file(profile, main, Path::new(file))
        };
        let says = |text: &str| Some(String::from(text));
        let commented = ["other", "service_name: of the comment"];
        let both = profile(&[Some("label"), Some("label")], &commented);
        assert_eq!(name(&both, Some("/bin/a"), "x"), says("label"));
        for labels in [&[Some("a"), Some("b")][..], &[Some("a"), None], &[Some("")], &[]] {
            let profile = profile(labels, &commented);
            assert_eq!(name(&profile, Some("/bin/a"), "x"), says("of the comment"));
        }
        for odd in ["a\u{1b}[31m", "a\nb", &"x".repeat(201)] {
            let profile = profile(&[Some(odd)], &[&comment(odd)]);
            assert_eq!(name(&profile, Some("/bin/a"), "x"), says("a"));
            assert_eq!(name(&profile, Some(odd), "/tmp/cpu.pb"), says("cpu"));
        }
        let silent = profile(&[None], &["bpflame 0.1.0: x"]);
        assert_eq!(name(&silent, Some("/bin/a (deleted)"), "x"), says("a"));
        assert_eq!(name(&silent, Some("[kernel]"), "/tmp/cpu.pb.gz"), says("cpu"));
        assert_eq!(name(&silent, None, "-"), None);
    }

    #[test]
    fn our_comment_is_read_back() {
        let comment = comment("redis-server");
        let profile = profile(&[None], &[&comment]);
        assert_eq!(of_file(&profile, None, Path::new("-")).as_deref(), Some("redis-server"));
    }
}

//! The service name of a profile without `--service-name`.

use output::{LabelValue, Profile};
use std::path::Path;

/// The label with the service name.
const LABEL: &str = "service_name";
/// The longest name taken from a file, in bytes.
const LONGEST: usize = 200;

/// The service name of a file, from the first of these sources that has one: a label that all its samples have, the
/// file's own comment, its program, the name of the file. A name that is too long or has control characters is skipped.
/// `None` if no source has a name.
pub(crate) fn of_file(profile: &Profile, file: &Path) -> Option<String> {
    let program = profile.program.as_deref().and_then(program);
    let mut found = [label(profile), profile.service.clone(), program, stem(file)];
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

fn program(path: &str) -> Option<String> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    (!name.starts_with('[')).then(|| name.to_owned())
}

/// The name of a file without its extensions: `cpu` for `/tmp/cpu.pb.gz`.
fn stem(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    (name != "-").then(|| stem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::{Label, Marks, Sample};

    fn profile(labels: &[Option<&str>], service: Option<&str>, program: Option<&str>) -> Profile {
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
            service: service.map(String::from),
            program: program.map(String::from),
            ..Profile::default()
        }
    }

    #[test]
    fn the_nearest_source_wins() {
        let name = |labels: &[Option<&str>], service, program, file: &str| {
            of_file(&profile(labels, service, program), Path::new(file))
        };
        let says = |text: &str| Some(String::from(text));
        let (service, program) = (Some("of the file"), Some("/bin/a"));
        let both = [Some("label"), Some("label")];
        assert_eq!(name(&both, service, program, "x"), says("label"));
        for labels in [&[Some("a"), Some("b")][..], &[Some("a"), None], &[Some("")], &[]] {
            assert_eq!(name(labels, service, program, "x"), says("of the file"));
        }
        let long = "x".repeat(201);
        for odd in ["a\u{1b}[31m", "a\nb", long.as_str()] {
            assert_eq!(name(&[Some(odd)], Some(odd), program, "x"), says("a"));
            assert_eq!(name(&[Some(odd)], Some(odd), Some(odd), "/tmp/cpu.pb"), says("cpu"));
        }
        assert_eq!(name(&[None], None, Some("/bin/a (deleted)"), "x"), says("a"));
        assert_eq!(name(&[None], None, Some("[kernel]"), "/tmp/cpu.pb.gz"), says("cpu"));
        assert_eq!(name(&[None], None, None, "-"), None);
    }
}

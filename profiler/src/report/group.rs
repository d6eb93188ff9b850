//! Checks `--group-by` against the labels of a profile and the formats of the outputs.

use crate::host::exit::{Failure, Kind};
use output::Profile;
use std::collections::BTreeSet;

/// Checks that a sample has this label. A profile without samples has nothing to group.
///
/// # Errors
/// [`Kind::Usage`] with the labels that there are.
pub(super) fn check(profile: &Profile, label: Option<&str>) -> Result<(), Failure> {
    let Some(label) = label else { return Ok(()) };
    let labels = profile.samples.iter().flat_map(|sample| &sample.labels);
    let known: BTreeSet<&str> = labels.map(|label| label.key.as_str()).collect();
    if profile.samples.is_empty() || known.contains(label) {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().collect();
    let message = format!("--group-by {label}: no sample in the file has this label");
    let cure = match known.as_slice() {
        [] => String::from("the samples have no labels"),
        [only] => format!("the only label is {only}"),
        several => format!("the labels are {}", several.join(", ")),
    };
    Err(Failure::new(Kind::Usage, message).cure(cure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::{Label, LabelValue, Marks, Sample};

    fn sample(labels: &[&str]) -> Sample {
        let label = |key: &&str| Label {
            key: (*key).to_owned(),
            value: LabelValue::Text(String::from("x")),
        };
        let labels = labels.iter().map(label).collect();
        Sample { frames: Vec::new(), values: vec![1], labels, marks: Marks::default() }
    }

    #[test]
    fn a_label_that_no_sample_has_is_refused_with_those_that_there_are() {
        let profile = |samples| Profile { samples, ..Profile::default() };
        let several = profile(vec![sample(&["comm", "tid"]), sample(&["pid"])]);
        assert_eq!(check(&several, None), Ok(()));
        assert_eq!(check(&several, Some("pid")), Ok(()));
        let failure = check(&several, Some("cmm")).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert_eq!(
            failure.to_string(),
            "--group-by cmm: no sample in the file has this label; the labels are comm, pid, tid"
        );
        let said = |profile: &Profile| check(profile, Some("x")).unwrap_err().cure;
        assert_eq!(said(&profile(vec![sample(&[])])), "the samples have no labels");
        assert_eq!(said(&profile(vec![sample(&["a"])])), "the only label is a");
        assert_eq!(check(&profile(Vec::new()), Some("x")), Ok(()));
    }
}

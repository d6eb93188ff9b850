//! The labels that a backend accepts.

use crate::Series;
use crate::series::SERVICE_NAME;
use output::Error;
use output::lean::Lean;
use output::{Label, LabelValue};

/// The label with the profile's name.
const NAME: &str = "__name__";

/// The rules of a backend for labels.
pub(crate) struct LabelRules {
    /// The backend's name, for messages.
    pub(crate) backend: &'static str,
    /// Whether names may have dots. If not, dots become `_`.
    pub(crate) dots: bool,
    /// Whether sample values may be negative.
    pub(crate) negative: bool,
    /// The longest name, in bytes.
    pub(crate) name: usize,
    /// The longest value, in bytes.
    pub(crate) value: usize,
    /// The number of labels that a series may have, those of its samples included.
    pub(crate) count: usize,
}

impl LabelRules {
    /// The labels of a whole profile, sorted by name.
    ///
    /// # Errors
    /// [`Error::Unsendable`] names the first label that the backend would refuse.
    pub(crate) fn of_series(
        &self,
        series: &Series,
        service: &str,
        name: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        if service.is_empty() {
            return Err(Error::Unsendable(format!(
                "{} accepts no empty service name",
                self.backend
            )));
        }
        let mut labels =
            vec![(NAME.to_owned(), name.to_owned()), (SERVICE_NAME.to_owned(), service.to_owned())];
        for (name, value) in &series.labels {
            if name.starts_with("__") {
                return self.refuse(name, "names that begin with __ are reserved");
            }
            self.check_name(name)?;
            let name = if self.dots { name.clone() } else { name.replace('.', "_") };
            labels.push((name, value.clone()));
        }
        labels.sort();
        for (name, value) in &labels {
            if value.is_empty() {
                return self.refuse(name, "it has no value");
            }
            self.check_value(name, value)?;
        }
        if let Some(pair) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return self.refuse(&pair[0].0, "it is given twice");
        }
        self.check_count(labels.len())?;
        Ok(labels)
    }

    /// The labels of samples with equal labels, and those of the whole profile as in [`LabelRules::of_series`]. If both have a label, the
    /// samples' service and the series' other labels take precedence.
    pub(crate) fn of_samples(
        &self,
        series: &Series,
        labels: &[Label],
        name: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        let texts = labels.iter().filter_map(|label| match &label.value {
            LabelValue::Text(text) if !text.is_empty() => Some((label.key.as_str(), text)),
            _ => None,
        });
        let service = texts.clone().find(|(key, _)| *key == SERVICE_NAME);
        let service = service.map_or(&series.service_name, |(_, text)| text);
        let mut all = self.of_series(series, service, name)?;
        for (key, text) in texts {
            let key = if self.dots { key.to_owned() } else { key.replace('.', "_") };
            if all.iter().all(|(known, _)| *known != key) {
                all.push((key, text.clone()));
            }
        }
        all.sort();
        Ok(all)
    }

    /// Checks the labels of samples, and turns numbers into texts, because backends whose series have these labels take no numbers.
    /// `others` is the number of labels of the whole profile. Returns all keys.
    ///
    /// # Errors
    /// [`Error::Unsendable`] names the first label or value that the backend would refuse.
    pub(crate) fn fit_samples(&self, lean: &mut Lean, others: usize) -> Result<Vec<String>, Error> {
        if !self.negative && lean.all_values().iter().any(|value| *value < 0) {
            let what = format!("{} accepts no values below zero", self.backend);
            return Err(Error::Unsendable(what));
        }
        let mut known: Vec<String> = Vec::new();
        let mut numbers = false;
        for set in lean.sets() {
            self.check_count(others.saturating_add(set.len()))?;
            for label in set {
                if !known.contains(&label.key) {
                    self.check_name(&label.key)?;
                    known.push(label.key.clone());
                }
                match &label.value {
                    LabelValue::Text(text) => self.check_value(&label.key, text)?,
                    LabelValue::Number(..) => numbers = true,
                }
            }
        }
        if numbers {
            lean.change_sets(|set| set.iter_mut().for_each(write_number));
        }
        Ok(known)
    }

    fn check_name(&self, name: &str) -> Result<(), Error> {
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let fits = name.starts_with(letter)
            && name.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '.');
        if !fits {
            return self.refuse(
                name,
                "a name consists of letters, digits, _ and dots, and begins with a letter",
            );
        }
        if name.len() > self.name {
            return self.refuse(name, &format!("a name has at most {} bytes", self.name));
        }
        Ok(())
    }

    fn check_value(&self, name: &str, value: &str) -> Result<(), Error> {
        if value.len() > self.value {
            let why = format!("its value has {} bytes; {} are allowed", value.len(), self.value);
            return self.refuse(name, &why);
        }
        Ok(())
    }

    fn check_count(&self, count: usize) -> Result<(), Error> {
        if count > self.count {
            return Err(Error::Unsendable(format!(
                "{} accepts at most {} labels; there are {count}",
                self.backend, self.count
            )));
        }
        Ok(())
    }

    fn refuse<T>(&self, name: &str, why: &str) -> Result<T, Error> {
        let name = output::text::shorten(name, 100);
        Err(Error::Unsendable(format!(
            "{} does not accept the label {name:?}: {why}",
            self.backend
        )))
    }
}

fn write_number(label: &mut Label) {
    if let LabelValue::Number(number, _) = &label.value {
        label.value = LabelValue::Text(number.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::testing::{profile, stack};
    use output::{Profile, Sample};

    const RULES: LabelRules =
        LabelRules { backend: "X", dots: false, negative: false, name: 20, value: 30, count: 4 };

    fn lean(profile: &Profile) -> Lean {
        Lean::new(profile, |_| true).unwrap()
    }

    fn labels(rules: &LabelRules, labels: &[(&str, &str)]) -> Result<Vec<(String, String)>, Error> {
        let own = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let series = Series { service_name: "shop".into(), labels: own, allowed: Vec::new() };
        rules.of_series(&series, "shop", "process_cpu")
    }

    #[test]
    fn labels_are_sorted_and_dots_follow_the_rules() {
        let own = [("region", "eu"), ("k8s.pod", "p")];
        let text = |labels: Vec<(String, String)>| {
            let pairs = labels.iter().map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            text(labels(&RULES, &own).unwrap()),
            "__name__=process_cpu k8s_pod=p region=eu service_name=shop"
        );
        let dots = LabelRules { dots: true, ..RULES };
        assert!(text(labels(&dots, &own).unwrap()).contains(" k8s.pod=p "));
    }

    #[test]
    fn what_would_be_refused_is_named() {
        let long = "v".repeat(31);
        for (own, why) in [
            (&[("a-b", "v")][..], "\"a-b\": a name consists of letters"),
            (&[("1a", "v")], "begins with a letter"),
            (&[("", "v")], "\"\": a name consists"),
            (&[("__x__", "v")], "are reserved"),
            (&[("abcdefghijklmnopqrstu", "v")], "a name has at most 20 bytes"),
            (&[("a", &long)], "its value has 31 bytes; 30 are allowed"),
            (&[("a", "")], "it has no value"),
            (&[("a", "v"), ("a", "w")], "\"a\": it is given twice"),
            (&[("a.b", "v"), ("a_b", "v")], "\"a_b\": it is given twice"),
            (&[("service_name", "v")], "\"service_name\": it is given twice"),
            (&[("a", "v"), ("b", "v"), ("c", "v")], "accepts at most 4 labels; there are 5"),
        ] {
            let error = labels(&RULES, own).unwrap_err().to_string();
            assert!(error.starts_with("X ") && error.contains(why), "{own:?}: {error}");
        }
        let series =
            Series { service_name: String::new(), labels: Vec::new(), allowed: Vec::new() };
        assert!(RULES.of_series(&series, "", "n").is_err());
    }

    #[test]
    fn labels_of_samples_join_those_of_the_series() {
        let text =
            |key: &str, text: &str| Label { key: key.into(), value: LabelValue::Text(text.into()) };
        let own = vec![("region".into(), "eu".into())];
        let series = Series { service_name: "shop".into(), labels: own, allowed: Vec::new() };
        let all = |labels: &[Label]| {
            let all = RULES.of_samples(&series, labels, "n").unwrap();
            let pairs: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.join(" ")
        };
        assert_eq!(all(&[]), "__name__=n region=eu service_name=shop");
        assert_eq!(
            all(&[text("comm", "a"), text("k.v", "b"), text("k_v", "c"), text("unit", "")]),
            "__name__=n comm=a k_v=b region=eu service_name=shop"
        );
        assert_eq!(
            all(&[text("region", "us"), text("service_name", "cart")]),
            "__name__=n region=eu service_name=cart"
        );
    }

    #[test]
    fn samples_are_checked_too() {
        let fit = |others, change: fn(&mut Sample)| {
            let mut profile = profile(&[stack(&["a"], 1)]);
            change(&mut profile.samples[0]);
            let rules = LabelRules { count: 6, ..RULES };
            rules.fit_samples(&mut lean(&profile), others).map_err(|e| e.to_string())
        };
        assert_eq!(fit(2, |_| ()).unwrap(), ["comm", "pid", "thread", "tid"]);
        assert!(fit(3, |_| ()).unwrap_err().contains("accepts at most 6 labels; there are 7"));
        let long = fit(2, |s| s.labels[0].value = LabelValue::Text("v".repeat(31)));
        assert!(long.unwrap_err().contains("\"comm\": its value has 31 bytes"));
        assert!(fit(2, |s| s.labels[1].key = "a b".into()).unwrap_err().contains("\"a b\""));
        assert!(fit(2, |s| s.values[1] = -1).unwrap_err().contains("no values below zero"));
        let mut profile = profile(&[stack(&["a"], 1)]);
        profile.samples[0].values[1] = -1;
        assert!(
            LabelRules { negative: true, count: 9, ..RULES }
                .fit_samples(&mut lean(&profile), 0)
                .is_ok()
        );
    }

    #[test]
    fn numbers_become_texts() {
        let mut lean = lean(&profile(&[stack(&["a"], 1)]));
        LabelRules { count: 9, ..RULES }.fit_samples(&mut lean, 0).unwrap();
        let texts: Vec<_> = lean.sets()[0]
            .iter()
            .map(|label| match &label.value {
                LabelValue::Text(text) => text.as_str(),
                LabelValue::Number(..) => panic!("a number"),
            })
            .collect();
        assert_eq!(texts, ["prog", "7", "worker-1", "1"]);
    }
}

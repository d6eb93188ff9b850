//! The content of one request.

use crate::series::SERVICE_NAME;
use output::lean::Lean;
use output::{Label, LabelValue, Profile, ValueType};
use std::borrow::Cow;
use std::sync::Arc;

/// A part of a profile, and the body of the request that sends it.
///
/// The samples stay in the tables of the whole profile. They become a profile only on demand, because most parts are delivered and
/// dropped.
#[derive(Clone, Debug)]
pub struct Part {
    pub(super) body: Body,
    pub(super) samples: Samples,
}

/// A body, not yet compressed.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// The bytes themselves.
    Whole(Vec<u8>),
    /// Profiles with their labels, and the function that makes the bytes from them when the part is sent.
    Later(Vec<Entry>, fn(&[Entry]) -> Vec<u8>),
}

/// A profile with its labels.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The labels, by name.
    pub(super) labels: Vec<(String, String)>,
    /// The profile as pprof, not compressed.
    pub(super) pprof: Vec<u8>,
}

/// Samples of a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples {
    pub(super) of: Arc<Lean>,
    /// The numbers of the samples.
    pub(super) rows: Vec<u32>,
    /// The time of the part, if it differs from the profile's time.
    pub(super) time_nanos: Option<i64>,
    /// The service, if it is not the one of the series.
    pub(super) service: Option<String>,
}

impl Samples {
    pub(super) fn new(of: &Arc<Lean>, rows: Vec<u32>) -> Self {
        Self { of: Arc::clone(of), rows, time_nanos: None, service: None }
    }
}

impl Part {
    /// The samples in the body, as a profile of their own.
    pub fn profile(&self) -> Profile {
        let Samples { of, rows, time_nanos, service } = &self.samples;
        let mut profile = of.profile(rows);
        if let Some(time_nanos) = time_nanos {
            profile.time_nanos = *time_nanos;
        }
        if let Some(service) = service {
            name_service(&mut profile, service);
        }
        profile
    }

    /// The number of samples in the body: different stacks with their labels.
    pub fn samples(&self) -> usize {
        self.samples.rows.len()
    }

    /// The types of the value columns, and their sums.
    pub fn sums(&self) -> Vec<(ValueType, i128)> {
        let Samples { of, rows, .. } = &self.samples;
        let mut sums: Vec<(ValueType, i128)> =
            of.tables.sample_types.iter().map(|kind| (kind.clone(), 0)).collect();
        for row in rows {
            let values = of.values(*row);
            sums.iter_mut().zip(values).for_each(|((_, sum), value)| *sum += i128::from(*value));
        }
        sums
    }

    /// The column to show first; an index of [`Part::sums`].
    pub fn default_column(&self) -> usize {
        self.samples.of.tables.default_sample_type
    }

    /// The body before compression.
    pub fn body(&self) -> Cow<'_, [u8]> {
        match &self.body {
            Body::Whole(bytes) => Cow::Borrowed(bytes),
            Body::Later(entries, write) => Cow::Owned(write(entries)),
        }
    }

    /// The size of the body in bytes before any compression. Parca's JSON counts as the profiles in it.
    pub fn body_len(&self) -> usize {
        match &self.body {
            Body::Whole(bytes) => bytes.len(),
            Body::Later(entries, _) => entries.iter().map(|entry| entry.pprof.len()).sum(),
        }
    }

    /// A part with this body and no samples.
    #[cfg(test)]
    pub(super) fn bare(body: Vec<u8>) -> Self {
        Self { body: Body::Whole(body), samples: Samples::default() }
    }

    /// The whole content, to compare two parts.
    #[cfg(test)]
    pub(super) fn content(&self) -> (Cow<'_, [u8]>, &Samples) {
        (self.body(), &self.samples)
    }
}

/// Gives samples a label with their service name, because the profile may be sent again.
pub(crate) fn name_service(profile: &mut Profile, service: &str) {
    for sample in &mut profile.samples {
        let value = LabelValue::Text(service.to_owned());
        sample.labels.push(Label { key: SERVICE_NAME.to_owned(), value });
        sample.labels.sort();
    }
}

//! The outcome of sending a profile to one receiver.

use super::amount::Amount;
use super::merge::merge;
use output::Profile;
use send::Failed;

/// The undelivered part of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// The profile as it is.
    Whole,
    /// Only these samples.
    Parts(Box<Profile>),
}

/// The outcome of sending a profile to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The receiver's URL.
    pub url: String,
    /// The receiver as it is shown, such as `pyroscope at http://…`.
    pub to: String,
    /// The number of requests for the profile.
    pub parts: usize,
    /// The number of delivered requests.
    pub delivered: usize,
    /// The amount in all parts.
    pub whole: Amount,
    /// The amount in the undelivered parts.
    pub missing: Amount,
    /// The number of requests that were made, including failed ones.
    pub attempts: usize,
    /// The number of bytes that were sent, including those of failed requests.
    pub bytes: u64,
    /// The causes of failure, each with its number of parts.
    pub causes: Vec<(String, usize)>,
    /// The parts that may have arrived twice.
    pub doubts: Vec<String>,
    /// Remarks of the receiver on accepted parts.
    pub advice: Vec<String>,
    /// The undelivered part.
    pub rest: Rest,
}

impl Outcome {
    /// The outcome of a profile that was never tried.
    pub(super) fn untried(url: &str, to: String, profile: &Profile, cause: String) -> Self {
        let whole = Amount::of(profile);
        Self {
            url: url.to_owned(),
            to,
            parts: 0,
            delivered: 0,
            missing: whole.clone(),
            whole,
            attempts: 0,
            bytes: 0,
            causes: vec![(cause, 1)],
            doubts: Vec::new(),
            advice: Vec::new(),
            rest: Rest::Whole,
        }
    }

    /// Adds the parts that failed.
    pub(super) fn with_failed(mut self, failed: Vec<Failed>) -> Self {
        for Failed { cause, part } in &failed {
            self.missing += Amount::of_part(part);
            match self.causes.iter_mut().find(|(known, _)| known == cause) {
                Some((_, count)) => *count += 1,
                None => self.causes.push((cause.clone(), 1)),
            }
        }
        self.rest = match failed.len() {
            0 => Rest::Nothing,
            n if n >= self.parts => Rest::Whole,
            _ => Rest::Parts(Box::new(merge(failed.into_iter().map(|f| f.part.profile())))),
        };
        self
    }

    /// Whether everything was delivered.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest == Rest::Nothing
    }
}

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
    /// These samples of it.
    Parts(Box<Profile>),
}

/// The outcome of sending a profile to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The receiver's URL.
    pub url: String,
    /// The receiver, for the reader: `pyroscope at http://…`.
    pub to: String,
    /// The number of requests for the profile.
    pub parts: usize,
    /// The number of delivered requests.
    pub delivered: usize,
    /// The amount in all parts.
    pub whole: Amount,
    /// The amount in the undelivered parts.
    pub missing: Amount,
    /// Requests that were made, the failed ones with them.
    pub attempts: usize,
    /// Bytes that went out, the failed requests with them.
    pub bytes: u64,
    /// The causes of failure, each with its number of parts.
    pub causes: Vec<(String, usize)>,
    /// Which parts may have arrived twice.
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

    /// The same with what was not delivered of its parts.
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

    /// Whether all was delivered.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest == Rest::Nothing
    }
}

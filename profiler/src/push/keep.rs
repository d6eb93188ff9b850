//! Saving undelivered profiles as files.

use super::{Outcome, Rest};
use crate::tell::destinations;
use output::{Encode, Pprof, Profile};
use std::io;
use std::path::{Path, PathBuf};

/// A saved file with the samples that some receivers did not get.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The file, or the reason why it could not be written.
    pub file: Result<PathBuf, String>,
    /// The receivers, by their index in the list.
    pub receivers: Vec<usize>,
}

/// The inputs for saving a profile.
#[derive(Debug)]
pub(crate) struct Keeping<'a> {
    /// The profile to send.
    pub profile: &'a Profile,
    /// A file that already contains the whole profile.
    pub file: Option<&'a Path>,
    /// The part of a new file's name after `flame-`.
    pub slug: &'a str,
    /// The owner of the file, if it is not bpflame's own user.
    pub owner: Option<(u32, u32)>,
    /// The encoder.
    pub encoder: Pprof,
}

impl Keeping<'_> {
    /// Saves what was not delivered: one file for all receivers that got nothing, and one file for each receiver that
    /// got only some of the parts.
    pub(crate) fn keep(&self, outcomes: &[Outcome]) -> Vec<Kept> {
        let mut list = Vec::new();
        let all = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.rest == Rest::Whole);
        let receivers: Vec<usize> = all.map(|(at, _)| at).collect();
        if !receivers.is_empty() {
            let there = self.file.map(|path| Ok(path.to_owned()));
            list.push(Kept {
                file: there.unwrap_or_else(|| self.written(self.profile)),
                receivers,
            });
        }
        for (at, outcome) in outcomes.iter().enumerate() {
            if let Rest::Parts(rest) = &outcome.rest {
                list.push(Kept { file: self.written(rest), receivers: vec![at] });
            }
        }
        list
    }

    fn written(&self, profile: &Profile) -> Result<PathBuf, String> {
        let mut sink = destinations::own_file(self.slug, "pb.gz", self.owner)
            .map_err(|failure| failure.message)?;
        let written = self.encoder.encode(profile, &mut sink).and_then(|()| sink.commit());
        let name = written.map_err(|error: io::Error| error.to_string())?;
        name.ok_or_else(|| String::from("the file has no name"))
    }
}

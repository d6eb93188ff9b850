//! What a profile says of itself, in lines of text: made at the very end, by who shows or writes it.

use crate::model::profile::Profile;

/// Begins the comment that carries the summary.
pub(crate) const SUMMARY: &str = "summary: ";
/// Begins the comment that carries the service's name.
pub(crate) const SERVICE: &str = "service_name: ";

/// The lines beside the summary.
pub(crate) fn remarks(profile: &Profile) -> Vec<String> {
    let service = profile.service.as_ref().map(|name| format!("{SERVICE}{name}"));
    profile.comments.iter().cloned().chain(service).collect()
}

/// All lines as a file's comments, the summary first.
pub fn comments(profile: &Profile) -> Vec<String> {
    let summary = Some(&profile.summary).filter(|summary| !summary.is_empty());
    let summary = summary.map(|summary| format!("{SUMMARY}{summary}"));
    summary.into_iter().chain(remarks(profile)).collect()
}

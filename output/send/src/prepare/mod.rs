//! The steps from a profile to bodies that several backends share.

pub(crate) mod labels;
pub(crate) mod parallel;
pub(crate) mod profile_name;
pub(crate) mod samples;
pub(crate) mod split;

//! The kinds of names that a mapping's code has.

use super::profile::Profile;

/// The kinds of names that a mapping's code has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Symbols {
    pub(crate) functions: bool,
    pub(crate) filenames: bool,
    pub(crate) line_numbers: bool,
    pub(crate) inline_frames: bool,
}

impl Symbols {
    /// The four flags in pprof's order.
    pub(crate) fn flags(self) -> [u64; 4] {
        [self.functions, self.filenames, self.line_numbers, self.inline_frames].map(u64::from)
    }
}

/// The kinds of names of each mapping's locations.
///
/// If the code of any file has names, the profile was symbolized. Then every mapping claims to have functions, so that
/// readers do not search this machine's files for names again. If no file has names, the profile is to be symbolized
/// elsewhere, and files claim to have none.
pub(crate) fn symbols(profile: &Profile) -> Vec<Symbols> {
    let mut all = vec![Symbols::default(); profile.mappings.len()];
    for location in &profile.locations {
        let Some(mapping) = location.mapping else { continue };
        let Some(symbols) = all.get_mut(mapping.0 as usize) else { continue };
        symbols.functions |= !location.lines.is_empty();
        symbols.inline_frames |= location.lines.len() > 1;
        for line in &location.lines {
            symbols.line_numbers |= line.line > 0;
            symbols.filenames |= !profile.functions[line.function.0 as usize].file.is_empty();
        }
    }
    let is_file = |at: usize| !profile.mappings[at].file.starts_with('[');
    if (0..all.len()).any(|at| is_file(at) && all[at].functions) {
        all.iter_mut().for_each(|symbols| symbols.functions = true);
    }
    all
}

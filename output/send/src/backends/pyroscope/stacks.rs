//! Stacks within Pyroscope's limits.

use output::lean::Lean;
use output::text::UNKNOWN;
use output::{Function, FunctionId, Line, Profile};

/// Names functions without a name, and frames that have no name and cannot be named later.
///
/// If no frame in any file has a name, frames in files stay nameless: the backend is to symbolize the profile.
pub(super) fn name_unknown(profile: &mut Profile) {
    for function in profile.functions.iter_mut().filter(|function| function.name.is_empty()) {
        let linked = std::mem::take(&mut function.system_name);
        function.name = if linked.is_empty() { UNKNOWN.into() } else { linked };
    }
    let waits = waits_for_names(profile);
    let nameless = |location: &&mut output::Location| {
        location.lines.is_empty()
            && !location.mapping.is_some_and(|mapping| waits[mapping.0 as usize])
    };
    let unknown = Function { name: UNKNOWN.into(), ..Function::default() };
    let known = profile.functions.iter().position(|function| *function == unknown);
    let function = FunctionId(known.unwrap_or(profile.functions.len()) as u32);
    let mut named = false;
    for location in profile.locations.iter_mut().filter(nameless) {
        location.lines.push(Line { function, line: 0 });
        named = true;
    }
    if named && known.is_none() {
        profile.functions.push(unknown);
    }
}

/// For each mapping, whether the backend may still find names for it.
fn waits_for_names(profile: &Profile) -> Vec<bool> {
    let is_file = |at: usize| !profile.mappings[at].file.starts_with('[');
    let mut of_file = false;
    for location in profile.locations.iter().filter(|location| !location.lines.is_empty()) {
        of_file |= location.mapping.is_some_and(|mapping| is_file(mapping.0 as usize));
    }
    (0..profile.mappings.len()).map(|at| is_file(at) && !of_file).collect()
}

/// Cuts stacks at the root end, marks them, and adds a comment.
pub(super) fn cut(lean: &mut Lean, frames: usize) {
    let cut = lean.cut(frames);
    if cut > 0 {
        let comment = format!("stacks cut to {frames} frames for the backend: {cut}");
        lean.tables.comments.push(comment);
    }
}

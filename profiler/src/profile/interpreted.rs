//! The frames of a stack that are shown, where an interpreter runs.

use crate::judge::recording::Recording;
use crate::record::stacks::PlaceId;
use bpf::Trust;
use symbolizer::Place;

/// The frames of a user stack that are shown, leaf first. The frame of an interpreter's loop is replaced by those that it runs, unless
/// `native` asks for both. Frames that a runtime made for itself are not shown.
pub(super) fn shown<'a>(
    frames: &'a [(PlaceId, Trust)],
    recording: &'a Recording<'_>,
    native: bool,
) -> impl Iterator<Item = &'a (PlaceId, Trust)> {
    let is_run = |at: usize| {
        frames.get(at).is_some_and(|(place, _)| {
            matches!(recording.counts.stacks.places()[place.0 as usize], Place::Interpreted { .. })
        })
    };
    let is_own = |place: PlaceId| {
        let named = recording.named.get(place.0 as usize);
        named.is_some_and(|named| named.lines.is_empty() && named.reason.is_none())
    };
    (0..frames.len())
        // The frames that a loop runs stand behind its own.
        .filter(move |&at| native || is_run(at) || !is_run(at + 1))
        .map(|at| &frames[at])
        .filter(move |(place, _)| !is_own(*place))
}

//! The frames of a stack that are shown, where an interpreter runs.

use crate::judge::recording::Recording;
use crate::record::stacks::PlaceId;
use bpf::Trust;
use std::borrow::Cow;
use symbolizer::Place;

/// A frame of a stack.
type Frame = (PlaceId, Trust);

/// The frames of a user stack that are shown, leaf first. The frame of an interpreter's loop is replaced by those that it runs, unless
/// `native` asks for both, and so is the code that makes functions known to a perf map. Frames that a runtime made for itself are not shown.
pub(crate) fn shown<'a>(
    frames: &'a [Frame],
    recording: &Recording<'_>,
    native: bool,
) -> Cow<'a, [Frame]> {
    let runs = frames.iter().any(|(place, _)| object(*place, recording).is_some());
    if !runs {
        return Cow::Borrowed(frames);
    }
    let frames = in_place(frames, recording);
    let is_run =
        |at: usize| frames.get(at).is_some_and(|(place, _)| object(*place, recording).is_some());
    let is_own = |(place, _): &Frame| {
        let named = recording.named.get(place.0 as usize);
        named.is_some_and(|named| named.lines.is_empty() && named.reason.is_none())
    };
    // The frames that a loop runs stand behind its own.
    let shown = (0..frames.len()).filter(|&at| {
        native || is_run(at) || !is_run(at + 1) && !is_trampoline(frames[at].0, recording)
    });
    Cow::Owned(shown.map(|at| frames[at]).filter(|frame| !is_own(frame)).collect())
}

/// Whether a frame is the code that CPython makes for each function, so that it has a name in a perf map (`-X perf`). The function itself stands
/// beside it.
fn is_trampoline(place: PlaceId, recording: &Recording<'_>) -> bool {
    let at = place.0 as usize;
    let is_jit = matches!(recording.counts.stacks.places()[at], Place::Jit { .. });
    let named = recording.named.get(at).filter(|_| is_jit);
    named.and_then(|named| named.lines.first()).is_some_and(|line| line.name.starts_with("py::"))
}

/// The code object of an interpreter's frame.
fn object(place: PlaceId, recording: &Recording<'_>) -> Option<u64> {
    match recording.counts.stacks.places()[place.0 as usize] {
        Place::Interpreted { object, .. } => Some(object),
        _ => None,
    }
}

/// The frames, each behind the frame of the loop that runs it. A frame of no code at the end says that each stands one loop too far inside:
/// the innermost loop was being set up or left.
fn in_place<'a>(frames: &'a [Frame], recording: &Recording<'_>) -> Cow<'a, [Frame]> {
    if !frames.iter().any(|(place, _)| object(*place, recording) == Some(0)) {
        return Cow::Borrowed(frames);
    }
    let mut moved = Vec::with_capacity(frames.len());
    let mut held = None;
    for &frame in frames {
        match object(frame.0, recording) {
            Some(code) => {
                moved.extend(held);
                held = (code != 0).then_some(frame);
            }
            None => moved.push(frame),
        }
    }
    Cow::Owned(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::counted;
    use crate::record::aggregate::Rules;
    use crate::record::testing::{ByAddress, sample, stack};
    use bpf::{FrameKind, Window};
    use symbolizer::Symbolize;

    /// The addresses that are shown of a stack. Those from 0x100 on are an interpreter's code objects, and 1 is none.
    fn addresses(stack_of: &[u64], native: bool, own: &[u64]) -> Vec<u64> {
        let mut one = stack(1, &vec![0; stack_of.len()]);
        for (frame, &address) in one.frames.iter_mut().zip(stack_of) {
            frame.address = if address == 1 { 0 } else { address };
            if address >= 0x100 || address == 1 {
                frame.kind = FrameKind::Interpreted { runtime: 2, position: 0, check: 0 };
            }
        }
        let samples = vec![sample(1, 1, 0)];
        let batch = Window { stacks: vec![one], samples, ..Window::default() };
        let (counts, table) = counted(Rules::default(), &batch);
        let mut named = ByAddress.names(&table, counts.stacks.places());
        for (place, named) in counts.stacks.places().iter().zip(&mut named) {
            if matches!(place, Place::Interpreted { object, .. } if own.contains(object)) {
                (named.lines, named.reason) = (Vec::new(), None);
            }
        }
        let recording = Recording { counts: &counts, table: &table, named: &named, leaves: &[] };
        let user = counts.counts.keys().next().unwrap().user.unwrap();
        let address = |(place, _): &Frame| match counts.stacks.places()[place.0 as usize] {
            Place::Interpreted { object, .. } => object,
            Place::Unknown { address, .. } => address | 1,
            _ => unreachable!(),
        };
        shown(counts.stacks.frames(user), &recording, native).iter().map(address).collect()
    }

    const LOOP: u64 = 0x11;

    #[test]
    fn a_loop_gives_way_to_the_frames_that_it_runs() {
        let all = [LOOP, 0x100, 0x200, 0x21, LOOP, 0x300, 0x31];
        assert_eq!(addresses(&all, false, &[]), [0x100, 0x200, 0x21, 0x300, 0x31]);
        assert_eq!(addresses(&all, true, &[]), all);
        assert_eq!(addresses(&[0x21, LOOP], false, &[]), [0x21, LOOP], "it runs nothing");
    }

    #[test]
    fn frames_that_a_runtime_made_for_itself_are_left_out() {
        assert_eq!(addresses(&[LOOP, 0x100, 0x200], false, &[0x100]), [0x200]);
    }

    #[test]
    fn frames_one_loop_too_far_inside_are_moved() {
        let all = [LOOP, 0x100, 0x21, LOOP, 0x200, 0x31, LOOP, 1, 0x41];
        assert_eq!(addresses(&all, false, &[]), [LOOP, 0x21, 0x100, 0x31, 0x200, 0x41]);
        assert_eq!(addresses(&all, true, &[]), [LOOP, 0x21, LOOP, 0x100, 0x31, LOOP, 0x200, 0x41]);
    }
}

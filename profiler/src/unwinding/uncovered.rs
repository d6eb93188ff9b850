//! Places where walks reached code without rules in a file that has some. Disassembling such code pays.

use bpf::{Flags, Stack, StackId, Trust, Window};
use std::collections::HashMap;

/// The process and address of each place in a window's stacks where a walk reached such code.
pub(super) fn addresses(window: &Window) -> Vec<(u32, u64)> {
    let lost = |flags: Flags| flags.has(Flags::GUESSED) || flags.has(Flags::NO_RULE);
    if !window.samples.iter().any(|sample| lost(sample.flags)) {
        return Vec::new();
    }
    let stacks: HashMap<StackId, &Stack> = window.stacks.iter().map(|s| (s.id, s)).collect();
    let mut found = Vec::new();
    for sample in window.samples.iter().filter(|sample| lost(sample.flags)) {
        let Some(stack) = stacks.get(&sample.user) else { continue };
        let guessed = stack.frames.windows(2).filter(|pair| pair[1].trust == Trust::Guessed);
        found.extend(guessed.map(|pair| (sample.space.pid, pair[0].address)));
        if sample.flags.has(Flags::NO_RULE)
            && let Some(last) = stack.frames.last()
        {
            found.push((sample.space.pid, last.address));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::testing::{SPACE, sample, stack};
    use bpf::Sample;

    #[test]
    fn callees_of_guessed_frames_and_ends_without_a_rule() {
        let mut guessed = stack(1, &[0x1000, 0x2000, 0x3000]);
        guessed.frames[2].trust = Trust::Guessed;
        let with = |user, flags| Sample { flags, ..sample(1, user, 0) };
        let window = Window {
            stacks: vec![guessed, stack(2, &[0x4000, 0x5000])],
            samples: vec![
                with(1, Flags::GUESSED),
                with(2, Flags::NO_RULE),
                with(2, Flags::default()),
            ],
            ..Window::default()
        };
        let pid = SPACE.pid;
        assert_eq!(addresses(&window), [(pid, 0x2000), (pid, 0x5000)]);
        assert_eq!(addresses(&Window { samples: vec![sample(1, 1, 0)], ..window }), []);
    }
}

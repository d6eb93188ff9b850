//! Kernel addresses made unrecognisable, for recordings that are stored. Whoever may read such a file could otherwise learn where
//! the kernel is in memory, which its randomisation is to hide.
//!
//! Every address becomes a hash of it with a key that only this process knows. So equal addresses stay equal. The ids of stacks
//! are hashes of their addresses without a key, from which the few possible places of the kernel could be found by trial. They
//! are hashed as well.

use bpf::{Frame, Sample, SideBandKind, Stack, StackId, Window};
use std::hash::{BuildHasher, RandomState};

/// The first address of the kernel's half.
const KERNEL: u64 = 1 << 63;
/// The bits that all addresses of the kernel's half have in common, and the end of a concealed address, away from a page's start.
const COMMON: u64 = 0xffff_8000_0000_0000;
const END: u64 = 8;

/// Conceals the kernel's addresses of one recording.
#[derive(Debug, Default)]
pub(crate) struct Conceal {
    key: RandomState,
}

impl Conceal {
    /// A window without the kernel's addresses.
    pub(crate) fn window(&self, window: &Window) -> Window {
        let mut window = window.clone();
        for Stack { id, frames, .. } in &mut window.stacks {
            *id = self.id(*id);
            for Frame { address, .. } in frames {
                *address = self.address(*address);
            }
        }
        for Sample { kernel, user, words, .. } in &mut window.samples {
            (*kernel, *user) = (self.id(*kernel), self.id(*user));
            *words = words.map(|word| self.address(word));
        }
        for record in &mut window.side_band {
            if let SideBandKind::Mmap { start, .. } = &mut record.kind {
                *start = self.address(*start);
            }
        }
        window
    }

    fn address(&self, address: u64) -> u64 {
        if address < KERNEL { address } else { COMMON | self.key.hash_one(address) & !0xf | END }
    }

    /// 0 stands for no stack.
    fn id(&self, id: StackId) -> StackId {
        StackId(if id.0 == 0 { 0 } else { self.key.hash_one(id.0).max(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::testing::{sample, stack};

    const TEXT: u64 = 0xffff_ffff_8123_4560;

    fn window() -> Window {
        let fault = Sample { words: [TEXT, 0x1000], ..sample(1, 1, 2) };
        let stacks = vec![stack(1, &[0x1010, 0x1021]), stack(2, &[TEXT, TEXT + 0x11, TEXT])];
        Window { stacks, samples: vec![fault, sample(2, 1, 0)], ..Window::default() }
    }

    fn addresses(stack: &Stack) -> Vec<u64> {
        stack.frames.iter().map(|frame| frame.address).collect()
    }

    #[test]
    fn kernel_addresses_cannot_be_recognised() {
        let (conceal, window) = (Conceal::default(), window());
        let stored = conceal.window(&window);
        assert_eq!(addresses(&stored.stacks[0]), addresses(&window.stacks[0]));
        let (made, real) = (addresses(&stored.stacks[1]), addresses(&window.stacks[1]));
        assert!(
            made.iter().zip(&real).all(|(made, real)| made >> 47 == real >> 47 && made != real)
        );
        assert!(made[0] == made[2] && made[0] != made[1], "{made:x?}");
        assert_eq!(stored.samples[0].words, [made[0], 0x1000]);
        assert_ne!(addresses(&Conceal::default().window(&window).stacks[1]), made);
    }

    #[test]
    fn stacks_are_found_by_their_ids() {
        let stored = Conceal::default().window(&window());
        let [user, kernel] = [stored.stacks[0].id, stored.stacks[1].id];
        assert!(user != kernel && user != StackId(1) && kernel != StackId(2));
        let ids = |sample: &Sample| (sample.user, sample.kernel);
        assert_eq!(ids(&stored.samples[0]), (user, kernel));
        assert_eq!(ids(&stored.samples[1]), (user, StackId(0)));
    }
}

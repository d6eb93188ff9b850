//! Recorded memory of a process: the parts that were read to name some frames, and these frames.

use super::super::reader::{Memory, Object};
use elf::word::{u32_at, u64_at};
use std::collections::BTreeMap;

/// Recorded memory, and the frames whose functions it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    /// The frames, innermost first.
    pub(crate) objects: Vec<Object>,
    /// The address of the ELF header of the runtime's file.
    pub(crate) header: u64,
    /// The parts by address.
    pub(crate) parts: BTreeMap<u64, Vec<u8>>,
}

impl Image {
    /// Reads an image: the number of frames in 32 bits; each frame's address, position and check; the address of the header; the
    /// parts, each an address, a length in 32 bits, and the bytes. All numbers are little-endian. What is cut off is left out.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut image = Self::default();
        let mut at = 4;
        for _ in 0..u32_at(bytes, 0).unwrap_or(0).min(1 << 10) {
            let words = (u64_at(bytes, at), u32_at(bytes, at + 8), u32_at(bytes, at + 12));
            let (Some(address), Some(position), Some(check)) = words else { return image };
            image.objects.push(Object { address, position, check });
            at += 16;
        }
        image.header = u64_at(bytes, at).unwrap_or(0);
        at += 8;
        while let (Some(address), Some(length)) = (u64_at(bytes, at), u32_at(bytes, at + 8)) {
            let from = at + 12;
            let rest = bytes.len() - from;
            let end = from + usize::try_from(length).unwrap_or(rest).min(rest);
            image.parts.insert(address, bytes[from..end].to_vec());
            at = end;
        }
        image
    }
}

impl Memory for Image {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let Some((start, part)) = self.parts.range(..=address).next_back() else { return false };
        let Some(rest) =
            usize::try_from(address - start).ok().and_then(|inside| part.get(inside..))
        else {
            return false;
        };
        let Some(found) = rest.get(..bytes.len()) else { return false };
        bytes.copy_from_slice(found);
        true
    }
}

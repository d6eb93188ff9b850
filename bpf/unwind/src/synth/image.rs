//! A file's code, and what is known of it before it is followed.

use super::ranges::{holding, sorted};
use super::work::Work;
use super::{Input, Uncovered};
use std::ops::Range;

/// Addresses that instructions compute, at most.
const MOST_MENTIONED: usize = 1 << 20;
/// Addresses are kept as 32-bit offsets; data may lie so far before the code.
const BEFORE: u64 = 1 << 31;

/// The code of a file.
pub(super) struct Image<'a> {
    pub(super) input: Input<'a>,
    plt: Vec<Range<u64>>,
    /// The addresses that `lea` in uncovered code computes, found by bytes alone; sorted.
    mentioned: Vec<u64>,
    /// The work done on it.
    pub(super) work: Work,
}

impl<'a> Image<'a> {
    pub(super) fn new(input: &Input<'a>) -> Self {
        Self {
            input: *input,
            plt: sorted(input.plt),
            mentioned: mentioned(input.uncovered),
            work: Work::on(input.uncovered.len()),
        }
    }

    /// Bytes of uncovered code.
    pub(super) fn uncovered(&self) -> u64 {
        self.input.uncovered.len()
    }

    /// The stretch of uncovered code that holds an address.
    pub(super) fn gap(&self, address: u64) -> Option<Range<u64>> {
        self.input.uncovered.gap(address)
    }

    /// The covered range that holds an address.
    pub(super) fn covered_at(&self, address: u64) -> Option<Range<u64>> {
        self.input.uncovered.covered_at(address)
    }

    /// The linkage table that holds an address.
    pub(super) fn plt_at(&self, address: u64) -> Option<Range<u64>> {
        holding(&self.plt, address)
    }

    /// Whether an address is executable.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.input.code.within(address..address.saturating_add(1)).next().is_some()
    }

    /// The uncovered code from an address to the end of its stretch.
    pub(super) fn code_from(&self, address: u64) -> &'a [u8] {
        self.input.uncovered.from(address)
    }

    /// Loaded bytes from an address, at most so many.
    pub(super) fn read(&self, address: u64, len: usize) -> Vec<u8> {
        self.input.memory.read(address, len)
    }

    /// An address as an offset; `None` outside of the 4 GiB around the first code.
    pub(super) fn offset(&self, address: u64) -> Option<u32> {
        address.checked_sub(self.lowest()).and_then(|offset| u32::try_from(offset).ok())
    }

    /// The address of an offset.
    pub(super) fn address(&self, offset: u32) -> u64 {
        self.lowest().wrapping_add(u64::from(offset))
    }

    fn lowest(&self) -> u64 {
        self.input.code.base().saturating_sub(BEFORE)
    }

    /// Whether an instruction in uncovered code computes this address.
    pub(super) fn is_mentioned(&self, address: u64) -> bool {
        self.mentioned.binary_search(&address).is_ok()
    }
}

fn mentioned(uncovered: &Uncovered) -> Vec<u64> {
    let computed = uncovered.segments().flat_map(|segment| {
        let windows = segment.bytes.windows(6).zip(segment.address..);
        windows.filter_map(|(bytes, at)| computed(bytes, at))
    });
    let mut mentioned: Vec<u64> = computed.take(MOST_MENTIONED).collect();
    mentioned.sort_unstable();
    mentioned.dedup();
    mentioned
}

/// The address that `lea register, [rip + offset]` computes; `None` if the bytes, without prefixes, are another instruction.
pub(super) fn computed(bytes: &[u8], at: u64) -> Option<u64> {
    let [0x8d, form, offset @ ..] = bytes else { return None };
    let offset = i32::from_le_bytes(offset.get(..4)?.try_into().ok()?);
    (form & 0xc7 == 0x05).then(|| at.wrapping_add(6).wrapping_add_signed(i64::from(offset)))
}

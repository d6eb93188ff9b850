//! Processes with tables: their identity, and the lists of their mappings.

use super::arena::Piece;
use crate::sampler::memory::SharedMemory;
use crate::skeleton::sampler::types::{space, unwind_limits};
use std::collections::HashMap;
use std::mem::offset_of;
use std::sync::atomic::Ordering;

const SLOTS: u32 = unwind_limits::SPACES.0;
/// The bytes of all slots.
pub(super) const BYTES: usize = SLOTS as usize * size_of::<space>();
const PROBES: u32 = unwind_limits::SPACE_PROBES.0;

/// The identity of a process. When it calls exec, the programs empty its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpaceName {
    /// The process id in bpflame's own PID namespace.
    pub pid: u32,
    /// Its start time, in hundredths of a second since boot, as in `/proc/PID/stat`.
    pub start: u32,
}

/// The slots, and which of them are in use.
#[derive(Debug)]
pub(super) struct Spaces {
    memory: SharedMemory,
    used: HashMap<SpaceName, (u32, Piece)>,
    taken: Vec<bool>,
}

impl Spaces {
    pub(super) fn new(memory: SharedMemory) -> Self {
        Self { memory, used: HashMap::new(), taken: vec![false; SLOTS as usize] }
    }

    /// Assigns a list of `count` mappings to an address space, and the position of what is known of its `runtimes` (0: nothing). Returns its
    /// previous list. `Err`: other address spaces occupy all its slots.
    pub(super) fn set(
        &mut self,
        name: SpaceName,
        list: Piece,
        (count, runtimes): (u32, u32),
        key: u64,
    ) -> Result<Option<Piece>, ()> {
        let slot = match self.used.get(&name) {
            Some((slot, _)) => *slot,
            None => self.free_slot(name.pid).ok_or(())?,
        };
        self.taken[slot as usize] = true;
        let before = self.used.insert(name, (slot, list)).map(|(_, list)| list);
        let word = |field: usize| self.memory.word(slot as usize * size_of::<space>() + field);
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        // No program uses a slot that is half filled in: its key is 0 meanwhile, and programs read the key twice.
        word(offset_of!(space, key)).store(0, Ordering::SeqCst);
        word(offset_of!(space, pid)).store(two(name.pid, name.start), Ordering::SeqCst);
        word(offset_of!(space, mappings)).store(two(list.at.0, count), Ordering::SeqCst);
        word(offset_of!(space, runtimes)).store(runtimes.into(), Ordering::SeqCst);
        word(offset_of!(space, key)).store(key.max(1), Ordering::SeqCst);
        Ok(before)
    }

    /// Removes an address space and returns its list.
    pub(super) fn remove(&mut self, name: SpaceName) -> Option<Piece> {
        let (slot, list) = self.used.remove(&name)?;
        self.memory
            .word(slot as usize * size_of::<space>() + offset_of!(space, key))
            .store(0, Ordering::SeqCst);
        self.taken[slot as usize] = false;
        Some(list)
    }

    fn free_slot(&self, pid: u32) -> Option<u32> {
        // The programs look for it in the same way.
        let first = pid.wrapping_mul(0x9e37_79b1) >> 8;
        (0..PROBES).map(|i| first.wrapping_add(i) % SLOTS).find(|slot| !self.taken[*slot as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::super::arena::Position;
    use super::super::arena::tests::memory;
    use super::*;

    fn name(pid: u32) -> SpaceName {
        SpaceName { pid, start: 7 }
    }

    fn piece(at: u32) -> Piece {
        Piece { at: Position(at), words: 8 }
    }

    fn spaces() -> Spaces {
        Spaces::new(memory(SLOTS as usize * size_of::<space>()).unwrap())
    }

    #[test]
    fn a_new_list_takes_the_place_of_the_one_before() {
        let mut spaces = spaces();
        assert_eq!(spaces.set(name(5), piece(8), (1, 0), 11), Ok(None));
        assert_eq!(spaces.set(name(5), piece(16), (2, 0), 12), Ok(Some(piece(8))));
        assert_eq!(spaces.remove(name(5)), Some(piece(16)));
        assert_eq!(spaces.remove(name(5)), None);
    }

    #[test]
    fn a_process_finds_a_slot_as_long_as_its_neighbours_leave_one() {
        let mut spaces = spaces();
        // The same process id every time.
        for start in 0..PROBES {
            let name = SpaceName { start, ..name(5) };
            assert_eq!(spaces.set(name, piece(8), (1, 0), 1), Ok(None));
        }
        assert_eq!(spaces.set(SpaceName { start: 99, ..name(5) }, piece(8), (1, 0), 1), Err(()));
        spaces.remove(SpaceName { start: 3, ..name(5) });
        assert_eq!(spaces.set(SpaceName { start: 99, ..name(5) }, piece(8), (1, 0), 1), Ok(None));
    }
}

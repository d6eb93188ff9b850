//! Interned stacks: every distinct frame and every distinct place once, stacks as ranges of small numbers.

use bpf::{Frame, Stack, StackId, Trust};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use symbolizer::{Place, Space};

/// Index into [`Stacks::places`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlaceId(pub u32);

/// A stack whose addresses have become places; an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlacedStack(u32);

/// All stacks of a recording: as they came, and as places.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    frames: Interner<Frame>,
    raw: HashMap<StackId, Range<u32>>,
    raw_frames: Vec<u32>,
    places: Interner<Place>,
    placed: Vec<Range<u32>>,
    placed_frames: Vec<(PlaceId, Trust)>,
    user: HashMap<(Space, StackId), PlacedStack>,
    kernel: HashMap<StackId, PlacedStack>,
    known: HashMap<(Space, u32), PlaceId>,
}

impl Stacks {
    /// Keeps a stack as it came; a repetition changes nothing.
    pub(crate) fn add(&mut self, stack: &Stack) {
        let Self { frames, raw, raw_frames, .. } = self;
        raw.entry(stack.id).or_insert_with(|| {
            let start = raw_frames.len() as u32;
            raw_frames.extend(stack.frames.iter().map(|frame| frames.id(*frame)));
            start..raw_frames.len() as u32
        });
    }

    /// A user stack as places of an address space, each address located at first sight; `None` when the stack
    /// never came.
    pub(crate) fn user(
        &mut self,
        space: Space,
        id: StackId,
        mut locate: impl FnMut(u64) -> Place,
    ) -> Option<PlacedStack> {
        if let Some(found) = self.user.get(&(space, id)) {
            return Some(*found);
        }
        let range = self.raw.get(&id)?.clone();
        let start = self.placed_frames.len() as u32;
        for at in range {
            let frame_id = self.raw_frames[at as usize];
            let frame = self.frames.get(frame_id);
            let place = match self.known.get(&(space, frame_id)) {
                Some(place) => *place,
                None => {
                    let place = locate(frame.lookup());
                    let id = PlaceId(self.places.id(place));
                    // What is unknown now may be known to the next stack.
                    if !matches!(place, Place::Unknown { .. }) {
                        self.known.insert((space, frame_id), id);
                    }
                    id
                }
            };
            self.placed_frames.push((place, frame.trust));
        }
        let placed = self.close(start);
        self.user.insert((space, id), placed);
        Some(placed)
    }

    /// A kernel stack as places; `None` when the stack never came.
    pub(crate) fn kernel(&mut self, id: StackId) -> Option<PlacedStack> {
        if let Some(found) = self.kernel.get(&id) {
            return Some(*found);
        }
        let range = self.raw.get(&id)?.clone();
        let start = self.placed_frames.len() as u32;
        for at in range {
            let frame = self.frames.get(self.raw_frames[at as usize]);
            let place = PlaceId(self.places.id(Place::Kernel { address: frame.lookup() }));
            self.placed_frames.push((place, frame.trust));
        }
        let placed = self.close(start);
        self.kernel.insert(id, placed);
        Some(placed)
    }

    fn close(&mut self, start: u32) -> PlacedStack {
        self.placed.push(start..self.placed_frames.len() as u32);
        PlacedStack(self.placed.len() as u32 - 1)
    }

    /// A stack's places, leaf first.
    pub(crate) fn frames(&self, stack: PlacedStack) -> &[(PlaceId, Trust)] {
        let range = &self.placed[stack.0 as usize];
        &self.placed_frames[range.start as usize..range.end as usize]
    }

    /// The leaves of all user stacks, each once.
    pub(crate) fn user_leaves(&self) -> BTreeSet<PlaceId> {
        self.user
            .values()
            .filter_map(|stack| self.frames(*stack).first())
            .map(|(place, _)| *place)
            .collect()
    }

    /// All places, in the order of their ids.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places.list
    }
}

/// Gives each distinct value a number.
#[derive(Debug)]
struct Interner<T> {
    list: Vec<T>,
    ids: HashMap<T, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { list: Vec::new(), ids: HashMap::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Interner<T> {
    fn id(&mut self, value: T) -> u32 {
        let list = &mut self.list;
        *self.ids.entry(value).or_insert_with(|| {
            list.push(value);
            list.len() as u32 - 1
        })
    }

    fn get(&self, id: u32) -> T {
        self.list[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpf::FrameKind;
    use symbolizer::Reason;

    fn stack(id: u64, addresses: &[u64]) -> Stack {
        let kind = |at| if at == 0 { FrameKind::Instruction } else { FrameKind::Return };
        let frame = |(at, address): (usize, &u64)| Frame {
            address: *address,
            kind: kind(at),
            trust: Trust::Rule,
        };
        Stack { id: StackId(id), frames: addresses.iter().enumerate().map(frame).collect() }
    }

    const SPACE: Space = Space { index: 1, epoch: 0 };

    #[test]
    fn a_return_address_is_looked_up_one_before() {
        let mut stacks = Stacks::default();
        stacks.add(&stack(1, &[0x10, 0x20]));
        let mut asked = Vec::new();
        let place = |address| Place::Jit { space: 1, address };
        stacks.user(SPACE, StackId(1), |address| {
            asked.push(address);
            place(address)
        });
        assert_eq!(asked, [0x10, 0x1f]);
        assert_eq!(stacks.places(), [place(0x10), place(0x1f)]);
    }

    #[test]
    fn an_address_is_located_once_a_space() {
        let mut stacks = Stacks::default();
        stacks.add(&stack(1, &[0x10, 0x20]));
        stacks.add(&stack(2, &[0x10, 0x20, 0x30]));
        let mut count = 0;
        for (space, id) in [(0, 1), (0, 1), (0, 2), (1, 2)] {
            let space = Space { index: space, epoch: 0 };
            stacks.user(space, StackId(id), |address| {
                count += 1;
                Place::Jit { space: space.index, address }
            });
        }
        assert_eq!(count, 2 + 1 + 3);
    }

    #[test]
    fn an_unknown_address_is_asked_for_again() {
        let mut stacks = Stacks::default();
        stacks.add(&stack(1, &[0x10]));
        stacks.add(&stack(2, &[0x10, 0x20]));
        let unknown = |address| Place::Unknown { address, reason: Reason::NoMapping };
        let first = stacks.user(SPACE, StackId(1), unknown).unwrap();
        let second =
            stacks.user(SPACE, StackId(2), |address| Place::Jit { space: 1, address }).unwrap();
        assert_ne!(stacks.frames(first)[0].0, stacks.frames(second)[0].0);
    }

    #[test]
    fn a_stack_that_never_came_is_missing() {
        let mut stacks = Stacks::default();
        assert!(stacks.kernel(StackId(9)).is_none());
        assert!(stacks.user(SPACE, StackId(9), |address| Place::Kernel { address }).is_none());
    }
}

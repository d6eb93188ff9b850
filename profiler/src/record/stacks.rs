//! Interned stacks: every distinct frame and every distinct place once, stacks as ranges of small numbers.

use bpf::{Frame, Stack, StackId, Trust};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use symbolizer::{Place, Reason, Space};

/// Index into [`Stacks::places`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlaceId(pub u32);

/// A stack whose addresses have become places; an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlacedStack(u32);

/// The memory limit for stacks and counts, in bytes: about a hundred thousand different stacks of fifty frames. A process that makes up
/// addresses, or keeps renaming a thread, gets no more.
const MEMORY: usize = 128 << 20;
/// The most unknown addresses that are distinguished in an address space.
const UNKNOWN: u32 = 4096;

// What one of each takes, the spare room of growing lists and tables included.
const RAW_FRAME: usize = 8;
const PLACED_FRAME: usize = 16;
const STACK: usize = 64;
const DISTINCT: usize = 128;
const KNOWN: usize = 40;

/// The reason why a sample's stack is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It never came.
    Missing,
    /// There was no memory for it.
    Full,
}

/// All stacks of a recording: as they came, and as places.
#[derive(Debug)]
pub(crate) struct Stacks {
    /// Bytes taken, and the most that may be. The last stack may go beyond.
    taken: usize,
    memory: usize,
    /// Whether a stack had no room.
    refused: bool,
    /// Unknown addresses told apart, by address space.
    unknown: HashMap<u32, u32>,
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

impl Default for Stacks {
    fn default() -> Self {
        Self::within(MEMORY)
    }
}

impl Stacks {
    /// None yet, and this many bytes for them.
    pub(crate) fn within(memory: usize) -> Self {
        Self {
            taken: 0,
            memory,
            refused: false,
            unknown: HashMap::new(),
            frames: Interner::default(),
            raw: HashMap::new(),
            raw_frames: Vec::new(),
            places: Interner::default(),
            placed: Vec::new(),
            placed_frames: Vec::new(),
            user: HashMap::new(),
            kernel: HashMap::new(),
            known: HashMap::new(),
        }
    }

    /// Takes memory for something that is kept beside the stacks; whether there was any.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let room = self.taken < self.memory;
        self.taken += if room { bytes } else { 0 };
        room
    }

    /// Keeps a stack as it came, if there is memory; a repetition changes nothing.
    pub(crate) fn add(&mut self, stack: &Stack) {
        if self.raw.contains_key(&stack.id) {
            return;
        }
        if !self.take(STACK + RAW_FRAME * stack.frames.len()) {
            self.refused = true;
            return;
        }
        let start = self.raw_frames.len() as u32;
        let distinct = self.frames.list.len();
        let Self { frames, raw_frames, .. } = self;
        raw_frames.extend(stack.frames.iter().map(|frame| frames.id(*frame)));
        self.taken += DISTINCT * (self.frames.list.len() - distinct);
        self.raw.insert(stack.id, start..self.raw_frames.len() as u32);
    }

    /// A stack as it came, with room for its places.
    fn raw(&mut self, id: StackId) -> Result<Range<u32>, Lost> {
        let lost = if self.refused { Lost::Full } else { Lost::Missing };
        let range = self.raw.get(&id).ok_or(lost)?.clone();
        if !self.take(STACK + PLACED_FRAME * range.len()) {
            return Err(Lost::Full);
        }
        Ok(range)
    }

    /// The number of a place; its memory is counted.
    fn place(&mut self, place: Place) -> PlaceId {
        let distinct = self.places.list.len();
        let id = PlaceId(self.places.id(place));
        self.taken += DISTINCT * (self.places.list.len() - distinct);
        id
    }

    /// The same for what is unknown: beyond some thousands in an address space, all are one.
    fn unknown(&mut self, space: Space, place: Place, reason: Reason) -> PlaceId {
        if let Some(id) = self.places.ids.get(&place) {
            return PlaceId(*id);
        }
        let told_apart = self.unknown.entry(space.index).or_default();
        *told_apart += 1;
        if *told_apart <= UNKNOWN {
            return self.place(place);
        }
        *told_apart = UNKNOWN;
        self.place(Place::Unknown { address: 0, reason })
    }

    /// A user stack as places of an address space, each frame located at first sight.
    pub(crate) fn user(
        &mut self,
        space: Space,
        id: StackId,
        mut locate: impl FnMut(Frame) -> Place,
    ) -> Result<PlacedStack, Lost> {
        if let Some(found) = self.user.get(&(space, id)) {
            return Ok(*found);
        }
        let range = self.raw(id)?;
        let start = self.placed_frames.len() as u32;
        for at in range {
            let frame_id = self.raw_frames[at as usize];
            let frame = self.frames.get(frame_id);
            let place = match self.known.get(&(space, frame_id)) {
                Some(place) => *place,
                None => match locate(frame) {
                    // What is unknown now may be known to the next stack.
                    place @ Place::Unknown { reason, .. } => self.unknown(space, place, reason),
                    place => {
                        let id = self.place(place);
                        self.known.insert((space, frame_id), id);
                        self.taken += KNOWN;
                        id
                    }
                },
            };
            self.placed_frames.push((place, frame.trust));
        }
        let placed = self.close(start);
        self.user.insert((space, id), placed);
        Ok(placed)
    }

    /// A kernel stack as places.
    pub(crate) fn kernel(&mut self, id: StackId) -> Result<PlacedStack, Lost> {
        if let Some(found) = self.kernel.get(&id) {
            return Ok(*found);
        }
        let range = self.raw(id)?;
        let start = self.placed_frames.len() as u32;
        for at in range {
            let frame = self.frames.get(self.raw_frames[at as usize]);
            let place = self.place(Place::Kernel { address: frame.lookup() });
            self.placed_frames.push((place, frame.trust));
        }
        let placed = self.close(start);
        self.kernel.insert(id, placed);
        Ok(placed)
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

    /// The leaves of user stacks that were left by frame pointer, or whose end was found by it perhaps; each once.
    pub(crate) fn leaves_by_frame_pointer(&self) -> BTreeSet<PlaceId> {
        let leaf = |stack: &PlacedStack| match self.frames(*stack) {
            [(leaf, _)] | [(leaf, _), (_, Trust::FramePointer), ..] => Some(*leaf),
            _ => None,
        };
        self.user.values().filter_map(leaf).collect()
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
        stacks
            .user(SPACE, StackId(1), |frame| {
                asked.push(frame.lookup());
                place(frame.lookup())
            })
            .unwrap();
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
            let locate = |frame: Frame| {
                count += 1;
                Place::Jit { space: space.index, address: frame.lookup() }
            };
            stacks.user(space, StackId(id), locate).unwrap();
        }
        assert_eq!(count, 2 + 1 + 3);
    }

    #[test]
    fn an_unknown_address_is_asked_for_again() {
        let mut stacks = Stacks::default();
        stacks.add(&stack(1, &[0x10]));
        stacks.add(&stack(2, &[0x10, 0x20]));
        let unknown = |address| Place::Unknown { address, reason: Reason::NoMapping };
        let nowhere = |frame: Frame| unknown(frame.lookup());
        let first = stacks.user(SPACE, StackId(1), nowhere).unwrap();
        let second = stacks
            .user(SPACE, StackId(2), |frame| Place::Jit { space: 1, address: frame.lookup() })
            .unwrap();
        assert_ne!(stacks.frames(first)[0].0, stacks.frames(second)[0].0);
    }

    #[test]
    fn a_stack_that_never_came_is_missing() {
        let mut stacks = Stacks::default();
        assert_eq!(stacks.kernel(StackId(9)), Err(Lost::Missing));
        let user =
            stacks.user(SPACE, StackId(9), |frame| Place::Kernel { address: frame.lookup() });
        assert_eq!(user, Err(Lost::Missing));
    }

    #[test]
    fn unknown_addresses_without_end_become_one_place() {
        let mut stacks = Stacks::default();
        let unknown = |address| Place::Unknown { address, reason: Reason::NoMapping };
        let nowhere = |frame: Frame| unknown(frame.lookup());
        for id in 1..=2 * u64::from(UNKNOWN) {
            stacks.add(&stack(id, &[id * 16]));
            stacks.user(SPACE, StackId(id), nowhere).unwrap();
        }
        assert_eq!(stacks.places().len(), UNKNOWN as usize + 1);
        assert_eq!(stacks.places().last(), Some(&unknown(0)));
        // What was told apart stays so, and another process has its own.
        stacks.add(&stack(9_000_000, &[16]));
        let known = stacks.user(SPACE, StackId(9_000_000), nowhere).unwrap();
        assert_eq!(stacks.places()[stacks.frames(known)[0].0.0 as usize], unknown(16));
        stacks.add(&stack(9_000_001, &[0x9000_0000]));
        stacks.user(Space { index: 2, epoch: 0 }, StackId(9_000_001), nowhere).unwrap();
        assert_eq!(stacks.places().last(), Some(&unknown(0x9000_0000)));
    }

    #[test]
    fn memory_ends_and_is_told() {
        let mut stacks = Stacks::within(100_000);
        let mut lost = 0;
        for id in 1..=10_000 {
            let addresses: Vec<u64> = (0..50).map(|at| id << 20 | at << 4).collect();
            stacks.add(&stack(id, &addresses));
            let placed = stacks
                .user(SPACE, StackId(id), |frame| Place::Jit { space: 1, address: frame.lookup() });
            lost += u32::from(placed == Err(Lost::Full));
        }
        assert!((9_900..10_000).contains(&lost), "{lost}");
        assert!(stacks.places().len() < 1_000, "{}", stacks.places().len());
        // What was kept is still there for samples.
        let first = stacks
            .user(SPACE, StackId(1), |frame| Place::Kernel { address: frame.lookup() })
            .unwrap();
        assert_eq!(stacks.frames(first).len(), 50);
    }

    #[test]
    fn what_one_takes_is_not_more_than_counted() {
        use std::mem::size_of;
        // A list may have twice, a hash table 16/7 times the room that is used.
        let listed = 2 * size_of::<Place>().max(size_of::<Frame>());
        let hashed = (size_of::<(Place, u32)>().max(size_of::<(Frame, u32)>()) + 1) * 16 / 7;
        assert!(listed + hashed <= DISTINCT, "{listed} + {hashed}");
        assert!((size_of::<((Space, u32), PlaceId)>() + 1) * 16 / 7 <= KNOWN);
        assert!(2 * size_of::<(PlaceId, Trust)>() <= PLACED_FRAME);
        let placed = 2 * size_of::<Range<u32>>();
        assert!(placed + (size_of::<((Space, StackId), PlacedStack)>() + 1) * 16 / 7 <= 2 * STACK);
    }
}

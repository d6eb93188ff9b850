//! Interned stacks. Each distinct frame and each distinct place is stored once; a stack is a range of small numbers.

#[cfg(test)]
mod tests;

use super::interner::Interner;
use super::run_time_code::StackCode;
use bpf::{Frame, Stack, StackId, Trust};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use symbolizer::{Check, Place, Reason, Shares, Space};

/// Index into [`Stacks::places`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlaceId(pub u32);

/// A stack of places; an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlacedStack(u32);

/// The memory limit for stacks and counts, in bytes: about a hundred thousand different stacks of fifty frames. A process that makes
/// up addresses, or keeps renaming a thread, gets no more than its share.
const MEMORY: usize = 144 << 20;
/// The most unknown addresses that are distinguished in an address space.
const UNKNOWN: u32 = 4096;

// The memory of each item in bytes, including the spare capacity of growing lists and tables.
const RAW_FRAME: usize = 8;
const PLACED_FRAME: usize = 16;
const STACK: usize = 64;
const DISTINCT: usize = 128;
const KNOWN: usize = 40;

/// The reason why a sample's stack is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The stack never came.
    Missing,
    /// There was no memory for the stack.
    Full,
}

/// All stacks of a recording, as raw frames and as places.
#[derive(Debug)]
pub(crate) struct Stacks {
    /// The bytes that each process uses, and the limit. The last stack may exceed the limit.
    taken: Shares,
    memory: usize,
    /// The process on whose account memory is taken.
    payer: u32,
    /// Whether a stack had no room.
    refused: bool,
    /// The number of unknown addresses that are distinguished, by address space.
    unknown: HashMap<u32, u32>,
    frames: Interner<Frame>,
    raw: HashMap<StackId, Range<u32>>,
    raw_frames: Vec<u32>,
    places: Interner<Place>,
    placed: Vec<Range<u32>>,
    placed_frames: Vec<(PlaceId, Trust)>,
    /// User stacks, by the version of their run-time code as well.
    user: HashMap<(Space, StackId, u64), PlacedStack>,
    kernel: HashMap<StackId, PlacedStack>,
    known: HashMap<(Space, u32), PlaceId>,
}

impl Default for Stacks {
    fn default() -> Self {
        Self::within(MEMORY)
    }
}

impl Stacks {
    /// No stacks yet, and a limit of this many bytes.
    pub(crate) fn within(memory: usize) -> Self {
        Self {
            taken: Shares::default(),
            memory,
            payer: 0,
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

    /// Reserves memory for something that is kept beside the stacks. Returns whether there was enough.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let room = self.taken.room(self.payer, self.memory) > 0;
        if room {
            self.taken.take(self.payer, bytes);
        }
        room
    }

    /// Sets the process on whose account memory is taken from now on.
    pub(crate) fn pay(&mut self, pid: u32) {
        self.payer = pid;
    }

    /// Keeps the raw frames of a stack, if there is memory. A repetition changes nothing.
    pub(crate) fn add(&mut self, stack: &Stack) {
        if self.raw.contains_key(&stack.id) {
            return;
        }
        if !self.take(STACK + RAW_FRAME * stack.frames.len()) {
            self.refused = true;
            return;
        }
        let start = self.raw_frames.len() as u32;
        let distinct = self.frames.len();
        let Self { frames, raw_frames, .. } = self;
        raw_frames.extend(stack.frames.iter().map(|frame| frames.id(*frame)));
        self.taken.take(self.payer, DISTINCT * (self.frames.len() - distinct));
        self.raw.insert(stack.id, start..self.raw_frames.len() as u32);
    }

    /// The raw frames of a stack, and its places once they are known.
    fn raw(&mut self, id: StackId) -> Result<Range<u32>, Lost> {
        let lost = if self.refused { Lost::Full } else { Lost::Missing };
        let range = self.raw.get(&id).ok_or(lost)?.clone();
        if !self.take(STACK + PLACED_FRAME * range.len()) {
            return Err(Lost::Full);
        }
        Ok(range)
    }

    /// The number of a place. Its memory is counted.
    fn place(&mut self, place: Place) -> PlaceId {
        let distinct = self.places.len();
        let id = PlaceId(self.places.id(place));
        self.taken.take(self.payer, DISTINCT * (self.places.len() - distinct));
        id
    }

    /// The number of an unknown place. Beyond some thousands of them in an address space, all have the same number.
    fn unknown(&mut self, space: Space, place: Place, reason: Reason) -> PlaceId {
        if let Some(id) = self.places.find(&place) {
            return PlaceId(id);
        }
        let told_apart = self.unknown.entry(space.index).or_default();
        *told_apart += 1;
        if *told_apart <= UNKNOWN {
            return self.place(place);
        }
        *told_apart = UNKNOWN;
        self.place(Place::Unknown { address: 0, reason })
    }

    /// A user stack as places of an address space, with the run-time code that it went through. Each frame is located when it is first seen.
    pub(crate) fn user(
        &mut self,
        space: Space,
        id: StackId,
        code: Option<&StackCode>,
        mut locate: impl FnMut(Frame) -> Place,
    ) -> Result<PlacedStack, Lost> {
        let version = code.map_or(0, StackCode::version);
        if let Some(found) = self.user.get(&(space, id, version)) {
            return Ok(*found);
        }
        let range = self.raw(id)?;
        let start = self.placed_frames.len() as u32;
        for at in range {
            let frame_id = self.raw_frames[at as usize];
            let frame = self.frames.get(frame_id);
            let check = code.and_then(|code| code.at(frame.lookup()));
            let place = self.locate(space, (frame_id, frame), check, &mut locate);
            self.placed_frames.push((place, frame.trust));
        }
        let placed = self.close(start);
        self.user.insert((space, id, version), placed);
        Ok(placed)
    }

    /// The place of a frame; of one in run-time code, for the code that was there.
    fn locate(
        &mut self,
        space: Space,
        (frame_id, frame): (u32, Frame),
        check: Option<Check>,
        locate: &mut impl FnMut(Frame) -> Place,
    ) -> PlaceId {
        let known = self.known.get(&(space, frame_id));
        if let Some(known) = known.filter(|_| check.is_none()) {
            return *known;
        }
        match (locate(frame), check) {
            // An address that is unknown now may be known for the next stack.
            (place @ Place::Unknown { reason, .. }, _) => self.unknown(space, place, reason),
            (Place::Jit { space, address, .. }, Some(check)) => {
                self.place(Place::Jit { space, address, check })
            }
            (place, _) => {
                let id = self.place(place);
                self.known.insert((space, frame_id), id);
                self.taken.take(self.payer, KNOWN);
                id
            }
        }
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

    /// The places of a stack, leaf first.
    pub(crate) fn frames(&self, stack: PlacedStack) -> &[(PlaceId, Trust)] {
        let range = &self.placed[stack.0 as usize];
        &self.placed_frames[range.start as usize..range.end as usize]
    }

    /// The leaves of user stacks that were left by frame pointer, and those whose end a frame pointer may have found;
    /// each once.
    pub(crate) fn leaves_by_frame_pointer(&self) -> BTreeSet<PlaceId> {
        let leaf = |stack: &PlacedStack| match self.frames(*stack) {
            [(leaf, _)] | [(leaf, _), (_, Trust::FramePointer), ..] => Some(*leaf),
            _ => None,
        };
        self.user.values().filter_map(leaf).collect()
    }

    /// All places, in the order of their ids.
    pub(crate) fn places(&self) -> &[Place] {
        self.places.all()
    }
}

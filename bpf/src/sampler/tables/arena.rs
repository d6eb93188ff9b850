//! Memory for tables: chunks that are shared with the programs and made one by one as they are needed.

use crate::sampler::memory::SharedMemory;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The words of a chunk, of four bytes each.
pub(super) const CHUNK_WORDS: u32 = 1 << 18;
const CHUNK_BITS: u32 = 18;

/// A place in the arena, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position(pub(crate) u32);

impl Position {
    fn begins_a_chunk(self) -> bool {
        self.0.is_multiple_of(CHUNK_WORDS)
    }
}

/// A piece of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) at: Position,
    pub(super) words: u32,
}

/// The free pieces. Neighbours in a chunk are merged, so that each piece is as large as possible.
#[derive(Debug, Default)]
struct Free {
    /// The sizes in words by position, and the positions by size.
    sizes: BTreeMap<Position, u32>,
    by_size: BTreeSet<(u32, Position)>,
}

impl Free {
    /// Adds a piece and merges it with its neighbours.
    fn add(&mut self, piece: Piece) {
        let Piece { mut at, mut words } = piece;
        let before = self.sizes.range(..at).next_back().map(|(at, words)| (*at, *words));
        if let Some((start, len)) = before.filter(|before| before.0.0 + before.1 == at.0)
            && !at.begins_a_chunk()
        {
            self.remove(start, len);
            (at, words) = (start, len + words);
        }
        let after = Position(at.0.wrapping_add(words));
        let len = self.sizes.get(&after).copied().filter(|_| !after.begins_a_chunk());
        if let Some(len) = len {
            self.remove(after, len);
            words += len;
        }
        self.sizes.insert(at, words);
        self.by_size.insert((words, at));
    }

    /// Takes the start of the smallest piece that is large enough. The rest of that piece stays free.
    fn take(&mut self, words: u32) -> Option<Position> {
        let &(size, at) = self.by_size.range((words, Position(0))..).next()?;
        self.remove(at, size);
        if size > words {
            self.add(Piece { at: Position(at.0 + words), words: size - words });
        }
        Some(at)
    }

    fn remove(&mut self, at: Position, words: u32) {
        self.sizes.remove(&at);
        self.by_size.remove(&(words, at));
    }
}

/// The chunks and their free pieces. No piece crosses the end of a chunk.
pub(super) struct Arena {
    chunks: Vec<SharedMemory>,
    most: u32,
    /// The start of the unused rest of the last chunk.
    rest: u32,
    free: Free,
    /// Freed pieces that a running program may still read.
    retired: Vec<Piece>,
    /// The pieces that were retired before the last wait for the programs.
    quiet: Vec<Piece>,
    make: Box<dyn FnMut(u32) -> io::Result<SharedMemory> + Send>,
}

impl std::fmt::Debug for Arena {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arena")
            .field("chunks", &self.chunks.len())
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl Arena {
    /// An arena of at most this many chunks. `make` creates a chunk by its number.
    pub(super) fn new(
        most: u32,
        make: impl FnMut(u32) -> io::Result<SharedMemory> + Send + 'static,
    ) -> Self {
        Self {
            chunks: Vec::new(),
            most,
            rest: CHUNK_WORDS,
            free: Free::default(),
            retired: Vec::new(),
            quiet: Vec::new(),
            make: Box::new(make),
        }
    }

    /// The bytes of all chunks.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK_WORDS as usize * 4
    }

    /// The bytes of all chunks that there may be.
    pub(super) fn most_bytes(&self) -> usize {
        self.most as usize * CHUNK_WORDS as usize * 4
    }

    /// The words that can be taken in one piece without a new chunk.
    pub(super) fn rest(&self) -> u32 {
        CHUNK_WORDS - self.rest
    }

    /// Takes a piece of this many words, at a multiple of eight; `None` if there is no room.
    ///
    /// # Errors
    /// When the kernel has no memory for a chunk.
    pub(super) fn take(&mut self, words: u32) -> io::Result<Option<Piece>> {
        let words = words.max(1).next_multiple_of(8);
        if words > CHUNK_WORDS {
            return Ok(None);
        }
        if let Some(at) = self.free.take(words) {
            return Ok(Some(Piece { at, words }));
        }
        if words > self.rest() {
            let number = self.chunks.len() as u32;
            if number >= self.most {
                return Ok(None);
            }
            self.give_up_rest();
            self.chunks.push((self.make)(number)?);
            self.rest = 0;
        }
        let number = self.chunks.len() as u32 - 1;
        let at = Position(number << CHUNK_BITS | self.rest);
        self.rest += words;
        Ok(Some(Piece { at, words }))
    }

    /// Turns the rest of the last chunk into a free piece.
    fn give_up_rest(&mut self) {
        let words = self.rest();
        if words > 0 && !self.chunks.is_empty() {
            let number = self.chunks.len() as u32 - 1;
            self.free.add(Piece { at: Position(number << CHUNK_BITS | self.rest), words });
        }
        self.rest = CHUNK_WORDS;
    }

    /// Frees a piece. It is used again after no program can be reading it.
    pub(super) fn retire(&mut self, piece: Piece) {
        self.retired.push(piece);
    }

    /// Call this after each wait for the end of all running programs.
    pub(super) fn waited(&mut self) {
        for piece in std::mem::replace(&mut self.quiet, std::mem::take(&mut self.retired)) {
            self.free.add(piece);
        }
    }

    /// Writes words to a piece, from its `offset`.
    pub(super) fn write(&self, piece: Piece, offset: u32, words: &[u32]) {
        assert!(offset as usize + words.len() <= piece.words as usize, "inside the piece");
        let chunk = &self.chunks[(piece.at.0 >> CHUNK_BITS) as usize];
        let start = (piece.at.0 & (CHUNK_WORDS - 1)) + offset;
        chunk.write_words(start as usize * 4, words);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::os::fd::{AsFd, FromRawFd, OwnedFd};

    /// Memory of the test in place of a map's.
    pub(in crate::sampler) fn memory(bytes: usize) -> io::Result<SharedMemory> {
        // SAFETY: the name is a string that ends; the descriptor is new and has no other owner.
        let file = unsafe {
            let fd = libc::memfd_create(c"chunk".as_ptr(), libc::MFD_CLOEXEC);
            OwnedFd::from_raw_fd(fd)
        };
        std::fs::File::from(file.try_clone()?).set_len(bytes as u64)?;
        SharedMemory::map(file.as_fd(), bytes)
    }

    fn arena(most: u32) -> Arena {
        Arena::new(most, |_| memory(CHUNK_WORDS as usize * 4))
    }

    #[test]
    fn pieces_do_not_overlap_and_do_not_cross_chunks() {
        let mut arena = arena(3);
        let mut taken: Vec<(u32, u32)> = Vec::new();
        for words in (1..).step_by(7919).map(|n| n % 70_000 + 1) {
            let Some(piece) = arena.take(words).unwrap() else { break };
            assert!(piece.words >= words && piece.at.0 % 8 == 0);
            assert_eq!(piece.at.0 >> CHUNK_BITS, (piece.at.0 + piece.words - 1) >> CHUNK_BITS);
            taken.push((piece.at.0, piece.at.0 + piece.words));
        }
        taken.sort_unstable();
        assert!(taken.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{taken:?}");
        assert!(taken.len() > 10);
        assert_eq!(arena.bytes(), 3 << 20);
    }

    #[test]
    fn what_is_freed_is_used_again_after_two_waits() {
        let mut arena = arena(1);
        let all = arena.take(CHUNK_WORDS).unwrap().unwrap();
        assert_eq!(arena.take(8).unwrap(), None);
        arena.retire(all);
        for _ in 0..2 {
            assert_eq!(arena.take(8).unwrap(), None);
            arena.waited();
        }
        assert_eq!(arena.take(8).unwrap().unwrap().at, Position(0));
        assert_eq!(arena.take(16).unwrap().unwrap().at, Position(8));
    }

    #[test]
    fn tables_that_grow_and_shrink_find_room_again_and_again() {
        const LARGEST: u32 = 1 << 15;
        let mut arena = arena(8);
        let mut tables: [Vec<Piece>; 3] = Default::default();
        let mut seed = 7_u32;
        for round in 0..20_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut left = (seed >> 8) % 200_000 + 1;
            let mut table = Vec::new();
            while left > 0 {
                let words = left.min(LARGEST - (left >> 3) % 9_000);
                let piece = arena.take(words).unwrap();
                table.push(piece.unwrap_or_else(|| panic!("no room in round {round}")));
                left -= words;
            }
            let old = std::mem::replace(&mut tables[(seed >> 16) as usize % 3], table);
            old.into_iter().for_each(|piece| arena.retire(piece));
            arena.waited();
        }
        tables.into_iter().flatten().for_each(|piece| arena.retire(piece));
        (0..2).for_each(|_| arena.waited());
        for _ in 0..arena.chunks.len() - 1 {
            assert!(arena.take(CHUNK_WORDS).unwrap().is_some(), "the pieces are one again");
        }
    }

    #[test]
    fn larger_than_a_chunk_is_refused() {
        assert_eq!(arena(9).take(CHUNK_WORDS + 1).unwrap(), None);
    }
}

//! Memory for tables: chunks shared with the programs, made one by one as they are needed.

use crate::sampler::memory::SharedMemory;
use std::collections::BTreeMap;
use std::io;

/// Words of four bytes in a chunk.
pub(super) const CHUNK_WORDS: u32 = 1 << 18;
const CHUNK_BITS: u32 = 18;

/// A place in the arena, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position(pub(crate) u32);

/// A piece of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) at: Position,
    pub(super) words: u32,
}

/// The chunks, and what of them is free. No piece crosses a chunk's end.
pub(super) struct Arena {
    chunks: Vec<SharedMemory>,
    most: u32,
    /// Where the unused rest of the last chunk begins.
    rest: u32,
    /// Free pieces by size, each list of positions.
    free: BTreeMap<u32, Vec<Position>>,
    /// Freed pieces that a running program may still read.
    retired: Vec<Piece>,
    /// Retired before the last wait for the programs.
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
    /// With at most so many chunks; `make` creates one by its number.
    pub(super) fn new(
        most: u32,
        make: impl FnMut(u32) -> io::Result<SharedMemory> + Send + 'static,
    ) -> Self {
        Self {
            chunks: Vec::new(),
            most,
            rest: CHUNK_WORDS,
            free: BTreeMap::new(),
            retired: Vec::new(),
            quiet: Vec::new(),
            make: Box::new(make),
        }
    }

    /// Bytes of all chunks.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK_WORDS as usize * 4
    }

    /// Words that can be had in one piece without a new chunk.
    pub(super) fn rest(&self) -> u32 {
        CHUNK_WORDS - self.rest
    }

    /// A piece of so many words, at a multiple of eight; `None` where there is no room.
    ///
    /// # Errors
    /// When the kernel gives no memory for a chunk.
    pub(super) fn take(&mut self, words: u32) -> io::Result<Option<Piece>> {
        let words = words.max(1).next_multiple_of(8);
        if words > CHUNK_WORDS {
            return Ok(None);
        }
        if let Some(at) = self.reuse(words) {
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

    /// What is left of the last chunk becomes a free piece.
    fn give_up_rest(&mut self) {
        let left = self.rest();
        if left > 0 && !self.chunks.is_empty() {
            let number = self.chunks.len() as u32 - 1;
            self.free.entry(left).or_default().push(Position(number << CHUNK_BITS | self.rest));
        }
        self.rest = CHUNK_WORDS;
    }

    /// The smallest free piece that is large enough, its rest left free.
    fn reuse(&mut self, words: u32) -> Option<Position> {
        let (&size, _) = self.free.range(words..).next()?;
        let list = self.free.get_mut(&size)?;
        let at = list.pop()?;
        if list.is_empty() {
            self.free.remove(&size);
        }
        if size > words {
            self.free.entry(size - words).or_default().push(Position(at.0 + words));
        }
        Some(at)
    }

    /// Frees a piece, to be used again when no program can be reading it any more.
    pub(super) fn retire(&mut self, piece: Piece) {
        self.retired.push(piece);
    }

    /// To be told after each wait for the end of all programs that ran.
    pub(super) fn waited(&mut self) {
        for piece in std::mem::replace(&mut self.quiet, std::mem::take(&mut self.retired)) {
            self.free.entry(piece.words).or_default().push(piece.at);
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

    /// Memory of the test's own in place of a map's.
    pub(in crate::sampler) fn memory(bytes: usize) -> io::Result<SharedMemory> {
        // SAFETY: the name is a string that ends; the descriptor is new and ours.
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
    fn larger_than_a_chunk_is_refused() {
        assert_eq!(arena(9).take(CHUNK_WORDS + 1).unwrap(), None);
    }
}

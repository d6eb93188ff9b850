//! The facts about Java's virtual machine.

use super::{MOST, RuntimeFacts};
use crate::skeleton::sampler::types::{
    hotspot, hotspot_block, hotspot_sizes, runtime_limits, runtime_number,
};
use std::ops::Range;

/// The places of the words in the frames, methods and classes of a version of Java's virtual machine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotSpotLayout {
    /// In a frame of the interpreter, from the frame pointer: the place in the bytecode.
    pub bytecode: i64,
    /// In a method: its constant part.
    pub constant: u64,
    /// In a constant part: the pool of constants.
    pub pool: u64,
    /// In a pool: its class.
    pub holder: u64,
    /// In a class: its name.
    pub name: u64,
    /// In a name: the 16 bits that are random.
    pub hash: u64,
}

/// A heap of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotSpotHeap {
    /// Its addresses.
    pub code: Range<u64>,
    /// The address of its map: for each segment, a byte with a step back towards the first one of its block, 0 there.
    pub map: u64,
}

/// The places of the description of a piece of code in its block, in bytes from the block's begin. Numbers have two or four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotSpotBlock {
    /// Whether the block holds code: a byte.
    pub used: u64,
    /// The offset in the code from which on a frame is set up, and its size.
    pub complete: (u64, usize),
    /// The words of the frame, and its size.
    pub words: (u64, usize),
    /// Where the code begins.
    pub begin: HotSpotBegin,
    /// The description itself.
    pub description: u64,
    /// The number of a compiled method, of four bytes. No other one gets it.
    pub number: u64,
    /// The bytes of a segment, as a power of two.
    pub segment: u32,
}

/// How a description says where its code begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HotSpotBegin {
    /// The address is at this place.
    Address(u64),
    /// Its distance from the description is at this place, with this size.
    Offset(u64, usize),
}

/// The last place of 16 bits in a word.
const MOST_HASH: u16 = 6;
const HEAPS: usize = runtime_limits::HOTSPOT_HEAPS.0 as usize;
const HEAP_WORDS: usize = runtime_limits::HEAP_WORDS.0 as usize;
const BLOCK_WORDS: usize = runtime_limits::BLOCK_WORDS.0 as usize;
/// The words of all facts.
const WORDS: usize = runtime_limits::HOTSPOT_WORDS.0 as usize + HEAPS * HEAP_WORDS + BLOCK_WORDS;

impl RuntimeFacts {
    /// HotSpot's facts. `None`: its structures are larger than the walker reads.
    pub fn hotspot(layout: &HotSpotLayout) -> Option<Self> {
        let field = |at: u64| u16::try_from(at).ok();
        let facts = hotspot {
            bytecode: i16::try_from(layout.bytecode).ok()?,
            constant: field(layout.constant)?,
            pool: field(layout.pool)?,
            holder: field(layout.holder)?,
            name: field(layout.name)?,
            hash: field(layout.hash).filter(|at| *at <= MOST_HASH)? * 8,
        };
        let both = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
        let mut words = vec![
            both(facts.bytecode as u16, facts.constant),
            both(facts.pool, facts.holder),
            both(facts.name, facts.hash),
        ];
        words.resize(WORDS, 0);
        Some(Self { number: runtime_number::RUNTIME_HOTSPOT.0, words })
    }

    /// HotSpot's facts, with those by which the walker finds the frames of code without rules. If they do not fit, there are none of these.
    #[must_use]
    pub fn with_code(mut self, heaps: &[HotSpotHeap], block: &HotSpotBlock) -> Self {
        let Some(block) = block.words().filter(|_| heaps.len() <= HEAPS) else { return self };
        let behind = self.words.len() - HEAPS * HEAP_WORDS - BLOCK_WORDS;
        self.words.truncate(behind);
        for heap in heaps {
            let numbers = [heap.code.start, heap.code.end, heap.map];
            self.words.extend(numbers.iter().flat_map(|at| [*at as u32, (*at >> 32) as u32]));
        }
        self.words.resize(behind + HEAPS * HEAP_WORDS, 0);
        self.words.extend(block);
        self
    }
}

impl HotSpotBlock {
    /// Its words as the programs read them. `None`: the walker does not read so far, or not such numbers.
    fn words(&self) -> Option<[u32; BLOCK_WORDS]> {
        let place = |at: u64| u8::try_from(at).ok().filter(|at| u64::from(*at) <= MOST - 8);
        let number = |(at, size), short: hotspot_sizes| match size {
            2 => Some((place(at)?, short.0 as u8)),
            4 => Some((place(at)?, 0)),
            _ => None,
        };
        let (complete, first) = number(self.complete, hotspot_sizes::SHORT_COMPLETE)?;
        let (words, second) = number(self.words, hotspot_sizes::SHORT_WORDS)?;
        let (begin, third) = match self.begin {
            HotSpotBegin::Address(at) => (place(at)?, hotspot_sizes::BEGIN_IS_ADDRESS.0 as u8),
            HotSpotBegin::Offset(at, size) => number((at, size), hotspot_sizes::SHORT_BEGIN)?,
        };
        let block = hotspot_block {
            used: place(self.used)?,
            complete,
            words,
            begin,
            description: place(self.description)?,
            segment: u8::try_from(self.segment).ok().filter(|log| *log < 32)?,
            sizes: first | second | third,
            pad: [0; 3],
            number: u16::try_from(self.number).ok()?,
        };
        let bytes = [
            [block.used, block.complete, block.words, block.begin],
            [block.description, block.segment, block.sizes, 0],
        ];
        let [first, second] = bytes.map(u32::from_le_bytes);
        Some([first, second, u32::from(block.number) << 16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: HotSpotLayout =
        HotSpotLayout { bytecode: -56, constant: 1, pool: 2, holder: 3, name: 4, hash: 5 };
    const BLOCK: HotSpotBlock = HotSpotBlock {
        used: 8,
        complete: (60, 4),
        words: (64, 2),
        begin: HotSpotBegin::Offset(44, 4),
        description: 16,
        number: 0x123,
        segment: 7,
    };

    #[test]
    fn the_words_are_those_of_the_structures() {
        let facts = RuntimeFacts::hotspot(&LAYOUT).unwrap();
        assert_eq!(facts.words[..3], [0x0001_ffc8, 0x0003_0002, 0x0028_0004]);
        assert_eq!((facts.words.len(), &facts.words[3..]), (24, &[0; 21][..]));
        let heap = |at: u64| HotSpotHeap { code: at..at + 0x1000, map: at + 0x1_0000_0000 };
        let with = facts.clone().with_code(&[heap(0x7f00_0000_0000), heap(0x100)], &BLOCK);
        let heaps = [0, 0x7f00, 0x1000, 0x7f00, 0, 0x7f01, 0x100, 0, 0x1100, 0, 0x100, 1];
        assert_eq!(with.words[3..15], heaps);
        assert_eq!(with.words[15..], [0, 0, 0, 0, 0, 0, 0x2c40_3c08, 0x0002_0710, 0x0123_0000]);
        let begin = HotSpotBegin::Address(72);
        let with = facts.clone().with_code(&[], &HotSpotBlock { begin, ..BLOCK });
        assert_eq!(with.words[21..], [0x4840_3c08, 0x000a_0710, 0x0123_0000]);
    }

    #[test]
    fn what_the_walker_cannot_read_is_left_out() {
        let facts = RuntimeFacts::hotspot(&LAYOUT).unwrap();
        let heap = || HotSpotHeap { code: 0x1000..0x2000, map: 0x3000 };
        for block in [
            HotSpotBlock { used: 121, ..BLOCK },
            HotSpotBlock { words: (64, 8), ..BLOCK },
            HotSpotBlock { begin: HotSpotBegin::Offset(44, 1), ..BLOCK },
            HotSpotBlock { description: 1 << 8, ..BLOCK },
            HotSpotBlock { number: 1 << 16, ..BLOCK },
        ] {
            assert_eq!(facts.clone().with_code(&[heap()], &block), facts);
        }
        let many = [heap(), heap(), heap(), heap()];
        assert_eq!(facts.clone().with_code(&many, &BLOCK), facts);
        assert_ne!(facts.clone().with_code(&[heap()], &BLOCK), facts);
    }
}

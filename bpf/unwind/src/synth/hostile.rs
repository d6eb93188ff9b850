//! Bytes that were made to cost much: what is done with them is counted.

use super::*;
use std::cell::Cell;

const BEGIN: u64 = 0x10_0000;
/// The first bytes call into the rest.
const CALLERS: u64 = 0x8000;

/// Code that repeats a block, and how much of it was read.
#[derive(Debug)]
struct Repeated {
    callers: Vec<u8>,
    block: Vec<u8>,
    len: u64,
    read: Cell<u64>,
}

impl Repeated {
    fn new(block: Vec<u8>, len: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let mut callers = Vec::new();
        while callers.len() + 5 < CALLERS as usize {
            let target = CALLERS + random.u64(..) % (len - CALLERS);
            callers.push(0xe8);
            callers.extend((target.wrapping_sub(callers.len() as u64 + 4) as u32).to_le_bytes());
        }
        callers.resize(CALLERS as usize, 0x90);
        Self { callers, block, len, read: Cell::new(0) }
    }

    fn follow(&self) -> Synthesised {
        let code = Code::new(Some(BEGIN..BEGIN + self.len)).unwrap();
        // Many entries more; and unwind entries that cut the code.
        let pointers: Vec<u64> = (0..20_000).map(|n| BEGIN + CALLERS + n * 16).collect();
        let holes = (BEGIN + (1 << 20)..BEGIN + self.len).step_by(1 << 20);
        let callers = std::iter::once(BEGIN..BEGIN + CALLERS);
        let covered: Vec<Range<u64>> = callers.chain(holes.map(|at| at..at + 1)).collect();
        synthesise(&Input {
            code: &code,
            memory: self,
            fixed: false,
            uncovered: &Uncovered::read(&code, self, &covered),
            plt: &[],
            functions: &pointers[..pointers.len() / 2],
            pointers: &pointers,
        })
    }
}

impl Memory for Repeated {
    fn read(&self, address: u64, len: usize) -> Vec<u8> {
        let begin = (address - BEGIN) as usize;
        let len = len.min(self.len as usize - begin);
        self.read.set(self.read.get() + len as u64);
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let at = begin + bytes.len();
            let from = self.callers.get(at..).filter(|rest| !rest.is_empty());
            let from = from.unwrap_or_else(|| &self.block[at % self.block.len()..]);
            bytes.extend(&from[..from.len().min(len - bytes.len())]);
        }
        bytes
    }
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..len).map(|_| random.u64(..) as u8).collect()
}

#[test]
fn no_bytes_cost_more_than_their_number_allows() {
    let shapes: [(&str, &[u8]); 7] = [
        ("pushes", b"\x53"),
        ("ways that split at every instruction", b"\x74\0"),
        ("loops into loops", b"\x0f\x84\0\xff\xff\xff"),
        ("loops of pushes", b"\x53\x0f\x84\0\xf0\xff\xff"),
        ("calls and addresses", b"\xe8\x20\0\0\0\x48\x8d\x05\x30\x01\0\0\xff\xe0"),
        ("jumps to addresses", b"\x4c\x8d\x05\x77\0\0\0\x41\xff\xe0\x53\x75\xe0\x90"),
        ("noise", &noise(1 << 16)),
    ];
    for (name, block) in shapes {
        for len in [1 << 16, 1 << 17] {
            let code = Repeated::new(block.to_vec(), len);
            let counts = code.follow().counts;
            let bound = work::Work::on(len).most() + 1_000;
            assert!((1..bound).contains(&counts.instructions), "{name}: {counts:?}");
            assert!(code.read.get() < 4 * len, "{name}: {} bytes", code.read.get());
        }
    }
}

#[test]
fn of_much_code_a_part_is_followed() {
    let len = 64 << 20;
    let code = Repeated::new(noise(1 << 20), len);
    let counts = code.follow().counts;
    let followed = counts.uncovered - counts.beyond;
    assert!((15 << 20..=16 << 20).contains(&followed), "{followed} bytes");
    assert!(counts.instructions < work::Work::on(len).most(), "{counts:?}");
    assert!(code.read.get() < len + (32 << 20), "{} bytes", code.read.get());
}

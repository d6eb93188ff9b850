//! Frames of Java's interpreter: the method and the place in its bytecode, from the words below the frame pointer.

use crate::native::{Registers, Snapshot, Walked, Walker};
use crate::sampler::{CodeMapping, HotSpotLayout, RuntimeFacts, SpaceName, Way};
use crate::unwind::rule::{Cfa, Restore, ReturnAddress, Rule, registers};
use crate::unwind::table::{Code, Source, Table};
use crate::{Flags, Frame, FrameKind, Trust};

const PROCESS: SpaceName = SpaceName { pid: 9, start: 9 };
const CODE: u64 = 0x7f00_0000_0000;
/// The interpreter with a frame that is set up, the same without one, and the start of the stack.
const INTERPRETER: u64 = CODE;
const BARE: u64 = CODE + 0x200;
const START: u64 = CODE + 0x300;
const STACK: u64 = 0x7ffc_0000_1000;
const METHODS: u64 = 0x7f20_0000_0000;
const CONSTANTS: u64 = 0x7f20_0001_0000;
/// The place of the method's constant part in the method, and of the place in the bytecode in a frame.
const CONSTANT: u64 = 16;
const BYTECODE: i64 = -56;
/// The classes of the methods, and their names. All of the places in these structures differ.
const POOLS: u64 = 0x7f20_0002_0000;
const LAYOUT: HotSpotLayout = HotSpotLayout {
    bytecode: BYTECODE,
    constant: CONSTANT,
    pool: 8,
    holder: 24,
    name: 32,
    hash: 2,
};
const NAMES: [(u64, u64); 2] = [(POOLS + 0x208, 0x1234), (POOLS + 0x210, 0xf00d)];

/// The method's check: its constant part, and the name of its class.
fn check(number: usize) -> u64 {
    let (name, hash) = NAMES[number];
    let constant = CONSTANTS + 0x1000 * number as u64;
    u64::from(constant as u32 ^ (name >> 3) as u32 ^ (hash as u32) << 16)
}

/// The words of a frame of 12 words at an address, and its frame pointer.
fn frame(at: u64, method: u64, bytecode: u64, caller: u64, ra: u64) -> (u64, [u64; 12]) {
    let mut words = [0; 12];
    let fp = at + 80;
    words[((80 + BYTECODE) / 8) as usize] = bytecode;
    (words[7], words[9]) = (method, at + 96);
    (words[10], words[11]) = (caller, ra);
    (fp, words)
}

/// Two frames of the interpreter. The leaf runs here, and has this place in its register.
fn walked(ip: u64, place: u64, methods: [u64; 2]) -> Walked {
    let code = Code::new(Some(CODE..CODE + 0x1000)).unwrap();
    let mut source = Source::new(&code);
    let deref = Cfa::Deref { register: registers::FRAME_POINTER, offset: -8, add: 0 };
    let framed = Rule {
        ra: ReturnAddress::AtFramePointer(8),
        fp: Restore::AtFramePointer(0),
        ..Rule::of(deref)
    };
    source.push(INTERPRETER..BARE, &framed);
    let bare = Cfa::Register { register: registers::STACK_POINTER, offset: 8 };
    source.push(BARE..START, &Rule { fp: Restore::Same, ..Rule::of(bare) });
    source.push(START..START + 0x80, &Rule::END);
    let mut walker = Walker::new().unwrap();
    let table = &walker.tables().install(&Table::build(&code, &[&source])).unwrap().unwrap();
    let mapping = |start, end, way| CodeMapping { start, end, way };
    let mappings = [
        mapping(CODE, START, Way::Interpreter { table, bias: 0, runtime: 1 }),
        mapping(START, CODE + 0x1000, Way::Rules { table, bias: 0 }),
    ];
    let facts = [RuntimeFacts::hotspot(&LAYOUT).unwrap()];
    assert!(walker.tables().set_space(PROCESS, &mappings, &facts).unwrap());
    let first = if ip < BARE { STACK } else { STACK + 8 };
    let (outer_at, start) = (first + 96, START + 0x10);
    let (outer_fp, outer) = frame(outer_at, methods[1], CONSTANTS + 0x1000 + 60, 0, start);
    let (fp, inner) = frame(first, methods[0], CONSTANTS + 50, outer_fp, INTERPRETER + 0x20);
    let mut words = vec![INTERPRETER + 0x10; usize::from(ip >= BARE)];
    words.extend(inner.into_iter().chain(outer).chain([0; 4]));
    let mut method = vec![0; 8];
    for (at, constant) in [(0, CONSTANTS), (0x100, CONSTANTS + 0x1000), (0x200, 0)] {
        method.resize(at / 8 + 4, 0);
        method[at / 8 + 2] = constant;
    }
    // Each method has a constant part, which leads to a pool, a class, and its name.
    let mut pools = vec![0; 0x300 / 8];
    let mut constants = vec![0; 0x1100 / 8];
    for (number, (name, hash)) in NAMES.into_iter().enumerate() {
        let pool = 0x80 * number;
        let class = pool + 0x40;
        constants[(0x1000 * number + 8) / 8] = POOLS + pool as u64;
        pools[(pool + 24) / 8] = POOLS + class as u64;
        pools[(class + 32) / 8] = name;
        pools[(name - POOLS) as usize / 8] = 7 | hash << 16 | 9 << 32;
    }
    let bytes = |words: Vec<u64>| words.into_iter().flat_map(u64::to_ne_bytes).collect();
    walker.sample(&Snapshot {
        registers: Registers { ip, sp: STACK, fp, realign: place, spare: 0 },
        memory: vec![
            (STACK, bytes(words)),
            (METHODS, bytes(method)),
            (CONSTANTS, bytes(constants)),
            (POOLS, bytes(pools)),
        ],
        ..Snapshot::of(PROCESS)
    })
}

fn interpreted(object: u64, position: u32, check: u64) -> Frame {
    let kind = FrameKind::Interpreted { runtime: 1, position, check: check as u32 };
    Frame { address: object, kind, trust: Trust::Rule }
}

/// The interpreter's frames without the native ones.
fn functions(walked: &Walked) -> Vec<Frame> {
    let frames = walked.frames.iter().copied();
    frames.filter(|frame| matches!(frame.kind, FrameKind::Interpreted { .. })).collect()
}

const BOTH: [u64; 2] = [METHODS, METHODS + 0x100];

#[test]
fn each_frame_of_the_interpreter_has_its_method() {
    let outer = interpreted(BOTH[1], 60, check(1));
    let found = walked(INTERPRETER + 0x10, CONSTANTS + 52, BOTH);
    assert_eq!(found.flags, Flags(0));
    assert_eq!(found.frames.len(), 5, "{:?}", found.frames);
    assert_eq!(found.frames[1], interpreted(BOTH[0], 52, check(0)), "behind its native frame");
    assert_eq!(found.frames[3], outer);
    assert_eq!(found.frames[4].address, START + 0x10);
    // A leaf whose register has something else: as of its last call.
    for other in [0, CONSTANTS - 8, CONSTANTS + (1 << 17)] {
        let found = walked(INTERPRETER + 0x10, other, BOTH);
        assert_eq!(functions(&found), [interpreted(BOTH[0], 50, check(0)), outer], "{other:#x}");
    }
}

/// Its frame pointer is that of its caller, whose method must not be told twice.
#[test]
fn what_has_no_frame_yet_has_no_method() {
    let found = walked(BARE + 0x10, 0, BOTH);
    let expected = [interpreted(BOTH[0], 50, check(0)), interpreted(BOTH[1], 60, check(1))];
    assert_eq!(functions(&found), expected);
    assert_eq!(found.frames.len(), 6, "{:?}", found.frames);
}

#[test]
fn a_method_that_cannot_be_read_is_told() {
    for gone in [METHODS + 0x200, 0x7f99_0000_0000] {
        let found = walked(INTERPRETER + 0x10, 0, [gone, BOTH[1]]);
        assert_eq!(functions(&found), [interpreted(BOTH[1], 60, check(1))]);
        assert_eq!(found.flags, Flags::NO_FUNCTIONS);
        assert_eq!(found.frames.len(), 4, "the walk goes on");
    }
    let none = walked(INTERPRETER + 0x10, 0, [0, BOTH[1]]);
    assert_eq!((functions(&none).len(), none.flags), (1, Flags(0)));
}

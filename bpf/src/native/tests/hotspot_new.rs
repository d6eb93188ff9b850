//! Frames of compiled Java code that has no rules yet: by the size that the virtual machine keeps before the code.

use crate::native::{Registers, Snapshot, Walked, Walker};
use crate::sampler::{
    CodeMapping, HotSpotBegin, HotSpotBlock, HotSpotHeap, HotSpotLayout, RuntimeFacts, SpaceName,
    Way,
};
use crate::unwind::rule::Rule;
use crate::unwind::table::{Code, Source, Table};
use crate::{Flags, Trust};

const PROCESS: SpaceName = SpaceName { pid: 9, start: 9 };
const HEAP: u64 = 0x7f00_0000_0000;
const MAP: u64 = 0x7f10_0000_0000;
const START: u64 = 0x7f20_0000_0000;
const STACK: u64 = 0x7ffc_0000_1000;
/// The block begins at its second segment, its code at its third.
const BLOCK: u64 = HEAP + 0x80;
const CODE: u64 = HEAP + 0x100;
const WORDS: u64 = 6;
const PLACES: HotSpotBlock = HotSpotBlock {
    used: 4,
    complete: (24, 4),
    words: (28, 2),
    begin: HotSpotBegin::Offset(32, 4),
    description: 16,
    number: 40,
    segment: 7,
};
/// The method's number.
const NUMBER: u32 = 0xfeed_0007;
/// The caller's frame pointer. No frame is there.
const CALLER_FP: u64 = 0x1234;

/// A method: its instructions with the words of the stack in use before each, and whether the caller's frame pointer is saved.
const METHOD: [(&[u8], u64, bool); 12] = [
    (b"\x44\x8b\x56\x08", 1, false),             // mov r10d, [rsi + 8]
    (b"\x89\x84\x24\x00\xc0\xfe\xff", 1, false), // mov [rsp - 0x14000], eax
    (b"\x55", 1, false),                         // push rbp
    (b"\x48\x83\xec\x20", 2, true),              // sub rsp, 32
    (b"\x90", WORDS, true),                      // nop
    (b"\x41\x81\x7f\x20\x00\x00\x00\x00", WORDS, true), // cmp dword [r15 + 32], 0
    (b"\x48\x01\xf0", WORDS, true),              // add rax, rsi: the frame is set up
    (b"\x48\x83\xc4\x20", WORDS, true),          // add rsp, 32
    (b"\x5d", 2, true),                          // pop rbp
    (b"\x49\x3b\xa7\x78\x03\x00\x00", 1, false), // cmp rsp, [r15 + 0x378]
    (b"\x0f\x87\x00\x00\x00\x00", 1, false),     // ja
    (b"\xc3", 1, false),                         // ret
];
/// Its form without a push.
const STORING: [(&[u8], u64, bool); 4] = [
    (b"\x48\x81\xec\x20\x00\x00\x00", 1, false), // sub rsp, 32
    (b"\x48\x89\x6c\x24\x10", WORDS, false),     // mov [rsp + 16], rbp
    (b"\x48\x01\xf0", WORDS, true),
    (b"\xc3", 1, false),
];

type Method<'a> = &'a [(&'a [u8], u64, bool)];

/// A block with a method: its bytes from the heap's begin on.
fn heap(method: Method<'_>, set_up: usize, (used, words): (u8, i16)) -> Vec<u8> {
    let mut bytes = vec![0; 0x100];
    let mut put = |at: usize, with: &[u8]| bytes[0x80 + at..][..with.len()].copy_from_slice(with);
    put(4, &[used]);
    let complete: usize = method[..set_up].iter().map(|(bytes, ..)| bytes.len()).sum();
    put(24, &(complete as i32).to_le_bytes());
    put(28, &words.to_le_bytes());
    put(32, &(CODE as u32 - BLOCK as u32 - 16).to_le_bytes());
    put(40, &NUMBER.to_le_bytes());
    method.iter().for_each(|(with, ..)| bytes.extend(*with));
    bytes.resize(0x400, 0x90);
    bytes
}

/// A stack with this leaf, called from the same code, which the start of the stack has called.
fn walked(heap: Vec<u8>, ip: u64, (used, saved): (u64, bool)) -> Walked {
    let heap_code = Code::new(Some(HEAP..HEAP + 0x1000)).unwrap();
    let mut source = Source::new(&heap_code);
    source.push(HEAP..HEAP + 0x1000, &Rule::NOT_YET);
    let start_code = Code::new(Some(START..START + 0x80)).unwrap();
    let mut start = Source::new(&start_code);
    start.push(START..START + 0x80, &Rule::END);
    let mut walker = Walker::new().unwrap();
    let mut install =
        |code, source| walker.tables().install(&Table::build(code, &[source])).unwrap().unwrap();
    let (made, begins) = (install(&heap_code, &source), install(&start_code, &start));
    let rules = |start, end, table| CodeMapping { start, end, way: Way::Rules { table, bias: 0 } };
    let mappings = [rules(HEAP, HEAP + 0x1000, &made), rules(START, START + 0x80, &begins)];
    let layout = HotSpotLayout { bytecode: -56, constant: 0, pool: 0, holder: 0, name: 0, hash: 0 };
    let heaps = [HotSpotHeap { code: HEAP..HEAP + 0x1000, map: MAP }];
    let facts = [RuntimeFacts::hotspot(&layout).unwrap().with_code(&heaps, &PLACES)];
    assert!(walker.tables().set_space(PROCESS, &mappings, &facts).unwrap());
    let mut words = vec![7; used as usize];
    words[used as usize - 1] = CODE + 0x40;
    if saved {
        words[used as usize - 2] = CALLER_FP;
    }
    words.extend([7, 7, 7, 7, 0, START + 0x10]);
    let map = vec![0, 0, 1, 2, 1, 4, 0xff, 0xff];
    walker.sample(&Snapshot {
        registers: Registers { ip, sp: STACK, fp: CALLER_FP, realign: 0, spare: 0 },
        memory: vec![
            (STACK, words.into_iter().flat_map(u64::to_ne_bytes).collect()),
            (HEAP, heap),
            (MAP, map),
        ],
        ..Snapshot::of(PROCESS)
    })
}

/// The addresses of a walk's frames.
fn places(walked: &Walked) -> Vec<u64> {
    walked.frames.iter().map(|frame| frame.address).collect()
}

#[test]
fn each_instruction_of_a_method_leads_to_its_caller() {
    for (method, set_up) in [(&METHOD[..], 6), (&STORING[..], 2)] {
        let mut at = CODE;
        for (bytes, used, saved) in method {
            let found = walked(heap(method, set_up, (1, WORDS as i16)), at, (*used, *saved));
            let expected = [at, CODE + 0x40, START + 0x10];
            assert_eq!(places(&found), expected, "{bytes:x?}");
            assert_eq!(found.flags, Flags(0), "{bytes:x?}");
            assert_eq!(found.frames[1].trust, Trust::Synthesised);
            assert_eq!(found.checks, [(at, NUMBER), (CODE + 0x3f, NUMBER)]);
            at += bytes.len() as u64;
        }
    }
}

#[test]
fn what_a_caller_has_pushed_for_a_call_is_skipped() {
    // pop rsi; pop r10; nop: behind the call, the caller's frame begins two words further up.
    let mut bytes = heap(&METHOD, 6, (1, WORDS as i16 - 2));
    bytes[0x140..0x144].copy_from_slice(b"\x5e\x41\x5a\x90");
    let found = walked(bytes, CODE, (1, false));
    assert_eq!(places(&found), [CODE, CODE + 0x40, START + 0x10]);
    assert_eq!(found.flags, Flags(0));
}

#[test]
fn what_is_no_method_with_a_frame_is_walked_by_frame_pointer() {
    let body = CODE + METHOD[..6].iter().map(|(bytes, ..)| bytes.len() as u64).sum::<u64>();
    for (used, words) in [(0, WORDS as i16), (1, -1)] {
        let found = walked(heap(&METHOD, 6, (used, words)), body, (WORDS, true));
        assert_eq!(places(&found), [body], "{used} {words}");
        assert!(found.flags.has(Flags::STALE) && found.checks.is_empty());
    }
    // One without a frame: its caller is at the stack pointer.
    for words in [0, 1] {
        let found = walked(heap(&METHOD, 0, (1, words)), body, (1, false));
        assert_eq!(places(&found)[..2], [body, CODE + 0x40]);
    }
    // A segment without a block, and one behind the map.
    for free in [HEAP + 0x300, HEAP + 0x800] {
        let found = walked(heap(&METHOD, 6, (1, WORDS as i16)), free, (WORDS, true));
        assert_eq!(places(&found), [free]);
    }
}

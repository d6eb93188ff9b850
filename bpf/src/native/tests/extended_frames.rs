//! Frames of an interpreter whose callers' frames were extended by an adapter.

use crate::Flags;
use crate::native::{Registers, Snapshot, Walker};
use crate::sampler::{CodeMapping, SpaceName, Way};
use crate::unwind::rule::{Cfa, Restore, ReturnAddress, Rule, registers};
use crate::unwind::table::{Code, Source, Table};

const PROCESS: SpaceName = SpaceName { pid: 9, start: 9 };
const CODE: u64 = 0x7f00_0000_0000;
/// The interpreter's code, a compiled method, and the start of the stack.
const INTERPRETER: u64 = CODE + 0x100;
const COMPILED: u64 = CODE + 0x200;
const START: u64 = CODE + 0x300;
const STACK: u64 = 0x7ffc_0000_1000;
/// The interpreter's frame pointer, and the end of the caller's frame before it was extended.
const FRAME: u64 = STACK + 0x40;
const SENDER: u64 = STACK + 0x80;

fn by_register(register: u8, ra: ReturnAddress) -> Rule {
    Rule { ra, ..Rule::of(Cfa::Register { register, offset: 0 }) }
}

fn compiled() -> Rule {
    let cfa = Cfa::Register { register: registers::STACK_POINTER, offset: 0x20 };
    Rule { fp: Restore::AtCfa(-16), ..Rule::of(cfa) }
}

/// The stack: the caller's frame pointer and the return address, the extension of the caller's frame, and that frame.
fn stack() -> Vec<u8> {
    let mut words = [0_u64; 64];
    let mut put = |at: u64, word| words[((at - STACK) / 8) as usize] = word;
    put(FRAME - 8, SENDER);
    put(FRAME, 0x1234_5678);
    put(FRAME + 8, COMPILED + 0x10);
    put(SENDER + 0x10, 0);
    put(SENDER + 0x18, START + 0x10);
    words.into_iter().flat_map(u64::to_ne_bytes).collect()
}

/// The frames that a rule of the interpreter leads to, with this stack pointer and frame pointer; r10 has the caller's
/// frame.
fn found(rule: Rule, sp: u64, fp: u64) -> (Vec<u64>, Flags) {
    let code = Code::new(Some(CODE..CODE + 0x1000)).unwrap();
    let mut source = Source::new(&code);
    source.push(INTERPRETER..INTERPRETER + 0x80, &rule);
    source.push(COMPILED..COMPILED + 0x80, &compiled());
    source.push(START..START + 0x80, &Rule::END);
    let mut walker = Walker::new().unwrap();
    let table = walker.tables().install(&Table::build(&code, &[&source])).unwrap().unwrap();
    let way = Way::Rules { table: &table, bias: 0 };
    let mapping = CodeMapping { start: CODE, end: CODE + 0x1000, way };
    assert!(walker.tables().set_space(PROCESS, &[mapping], &[]).unwrap());
    let walked = walker.sample(&Snapshot {
        registers: Registers { ip: INTERPRETER + 0x10, sp, fp, spare: 0, realign: SENDER },
        memory: vec![(STACK, stack())],
        ..Snapshot::of(PROCESS)
    });
    (walked.frames.iter().map(|frame| frame.address).collect(), walked.flags)
}

const ALL: [u64; 3] = [INTERPRETER + 0x10, COMPILED + 0x10, START + 0x10];

#[test]
fn the_caller_s_stack_pointer_is_a_word_of_the_frame() {
    let cfa = Cfa::Deref { register: registers::FRAME_POINTER, offset: -8, add: 0 };
    let ra = ReturnAddress::AtFramePointer(8);
    let rule = Rule { fp: Restore::AtFramePointer(0), ra, ..Rule::of(cfa) };
    let (frames, flags) = found(rule, STACK, FRAME);
    assert_eq!(frames, ALL);
    assert!(!flags.has_any(Flags::BROKEN.with(Flags::LOST_REGISTER)));
    // An ordinary rule misses the caller.
    let plain = Rule::of(Cfa::Register { register: registers::FRAME_POINTER, offset: 16 });
    assert_ne!(found(plain, STACK, FRAME).0, ALL);
}

#[test]
fn without_a_frame_the_caller_s_stack_pointer_is_in_a_register() {
    let at = |offset| by_register(10, ReturnAddress::AtStackPointer(offset));
    for (sp, offset) in [(FRAME + 8, 0), (FRAME, 8), (FRAME + 16, -8)] {
        assert_eq!(found(at(offset), sp, 0).0, ALL, "{offset}");
    }
    // The return address was just taken from the stack, and the caller's frame has not moved. There is no frame at
    // 0x78.
    let (frames, flags) = found(at(-8), SENDER, 0);
    assert_eq!((frames.len(), flags.has(Flags::BROKEN)), (1, false), "{frames:x?}");
    assert!(found(at(-8), SENDER + 8, 0).1.has(Flags::BROKEN), "stacks do not grow upwards");
}

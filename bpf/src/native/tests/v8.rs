//! Frames of JavaScript functions: in the interpreter, in code that V8 has made, and where such code has no frame.

use crate::native::{Registers, Snapshot, Walked, Walker};
use crate::sampler::{CodeMapping, RuntimeFacts, SpaceName, V8Layout, Way};
use crate::unwind::rule::{Cfa, Restore, Rule, RuleTrust, registers};
use crate::unwind::table::{Code, Source, Table};
use crate::{Flags, FrameKind};

const PROCESS: SpaceName = SpaceName { pid: 9, start: 9 };
const CODE: u64 = 0x7f00_0000_0000;
/// A built-in function without a frame, the interpreter, and the start of the stack.
const BUILT_IN: u64 = CODE;
const INTERPRETER: u64 = CODE + 0x100;
const START: u64 = CODE + 0x200;
/// Code that V8 has made.
const MADE: u64 = 0x7f30_0000_0000;
const STACK: u64 = 0x7ffc_0000_1000;
const HEAP: u64 = 0x1234_5678_0000;
/// The bytes that an object of the heap has here. A function's shared information and its script follow it.
const OBJECT: u64 = 0x40;

const LAYOUT: V8Layout = V8Layout { shared: 24, script: 32, literal: 52, script_id: 16 };

/// A function by its number: a tagged pointer. It has the same number in its script, whose number is 70 higher.
const fn function(number: u64) -> u64 {
    HEAP + 3 * OBJECT * number + 1
}

/// Its shared information.
const fn shared(number: u64) -> u64 {
    function(number) + OBJECT
}

fn heap() -> Vec<u8> {
    let mut words = vec![0_u64; 8 * 3 * 8];
    for number in 0..8 {
        let at = 24 * number as usize;
        words[at + 3] = shared(number);
        words[at + 8 + 4] = shared(number) + OBJECT;
        words[at + 8 + 6] = number << 32;
        words[at + 16 + 2] = (number + 70) << 32;
    }
    bytes(&words)
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The words of a frame from the feedback or the offset on: two words of the function's own below it.
fn frame(caller: u64, of: u64, offset: u64, ra: u64) -> Vec<u64> {
    vec![7, 8, offset, HEAP + 1, 2 << 32, of, HEAP + 1, caller, ra]
}

/// A leaf, the stack that it begins with, and the code around it.
struct Leaf<'a> {
    ip: u64,
    argument: u64,
    /// The words on the stack, innermost first, before those of two frames.
    top: &'a [u64],
    /// The code that V8 has made, from MADE on.
    made: &'a [u8],
    /// Whether the frame pointer is that of the inner frame. Else it is that of a frame in `top`, at this word.
    framed: Option<u64>,
}

/// The inner frame is in code that V8 has made, at MADE + 0x80; the outer one is the interpreter's.
fn walked(leaf: &Leaf<'_>) -> Walked {
    let code = Code::new(Some(CODE..CODE + 0x1000)).unwrap();
    let mut source = Source::new(&code);
    let bare = Cfa::Register { register: registers::STACK_POINTER, offset: 8 };
    let same = Restore::Same;
    let trust = RuleTrust::Synthesised;
    source.push(BUILT_IN..INTERPRETER, &Rule { fp: same, spare: same, trust, ..Rule::of(bare) });
    let framed = Cfa::Register { register: registers::FRAME_POINTER, offset: 16 };
    source.push(INTERPRETER..START, &Rule { fp: Restore::AtCfa(-16), ..Rule::of(framed) });
    source.push(START..START + 0x80, &Rule::END);
    let mut walker = Walker::new().unwrap();
    let table = &walker.tables().install(&Table::build(&code, &[&source])).unwrap().unwrap();
    let facts = RuntimeFacts::v8(&LAYOUT).unwrap();
    let mapping = |start, end, way| CodeMapping { start, end, way };
    let runtime = facts.walks_compiled().unwrap();
    let mappings = [
        mapping(CODE, INTERPRETER, Way::Rules { table, bias: 0 }),
        mapping(INTERPRETER, START, Way::Interpreter { table, bias: 0, runtime }),
        mapping(START, CODE + 0x1000, Way::Rules { table, bias: 0 }),
        mapping(MADE, MADE + 0x1000, Way::Compiled { runtime }),
    ];
    assert!(walker.tables().set_space(PROCESS, &mappings, &[facts]).unwrap());
    let inner_at = STACK + 8 * leaf.top.len() as u64;
    let (inner_fp, outer_fp) = (inner_at + 56, inner_at + 72 + 56);
    let mut stack = leaf.top.to_vec();
    stack.extend(frame(outer_fp, function(2), HEAP + 1, INTERPRETER + 0x10));
    stack.extend(frame(0, function(1), 99 << 32, START + 0x10));
    stack.extend([0; 8]);
    let mut made = vec![0x90; 0x40];
    made.extend(leaf.made);
    made.resize(0x400, 0x90);
    walker.sample(&Snapshot {
        registers: Registers {
            ip: leaf.ip,
            sp: STACK,
            fp: leaf.framed.map_or(inner_fp, |at| STACK + 8 * at),
            realign: leaf.argument,
            spare: 0,
        },
        memory: vec![(HEAP, heap()), (STACK, bytes(&stack)), (MADE - 0x40, made)],
        ..Snapshot::of(PROCESS)
    })
}

/// The frames in short: the function's number with the offset of its bytecode or of its instruction, native ones by a letter.
fn short(walked: &Walked) -> String {
    let one = |frame: &crate::Frame| match frame.kind {
        FrameKind::Interpreted { position, check, .. } if frame.address >> 56 & 1 == 1 => {
            let high = (frame.address >> 47 & 0x1ff) << 35 | u64::from(check & 7) << 44;
            let of = number(high | u64::from(position) << 3 | 1, check, !15);
            let leaf = if check & 8 != 0 { "!" } else { "" };
            format!("{of}@{:x}{leaf}", (frame.address & ((1 << 47) - 1)) - MADE)
        }
        FrameKind::Interpreted { position, check, .. } => {
            format!("{}:{}", number(frame.address, check, !0), position as i32)
        }
        _ if frame.address >= MADE => String::from("m"),
        _ if frame.address >= START => String::from("s"),
        _ if frame.address >= INTERPRETER => String::from("I"),
        _ => String::from("b"),
    };
    walked.frames.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The number of a function, if the check is that of its script and of itself.
fn number(information: u64, check: u32, mask: u32) -> u64 {
    let number = (information - shared(0)) / (3 * OBJECT);
    assert_eq!(information, shared(number));
    let mixed =
        (number as u32 + 70).wrapping_mul(0x9e37_79b1) ^ (number as u32).wrapping_mul(0x85eb_ca6b);
    assert_eq!((mixed ^ mixed >> 15) & mask, check & mask);
    number
}

/// The frames below the leaf's.
const CALLERS: &str = "m 2@7f I 1:99 s";
const CALLER: u64 = MADE + 0x80;

fn leaf(ip: u64, top: &[u64], made: &[u8]) -> String {
    let found = walked(&Leaf { ip, argument: function(5), top, made, framed: None });
    assert_eq!(found.flags, Flags(0), "{}", short(&found));
    short(&found)
}

#[test]
fn each_native_frame_has_its_function() {
    assert_eq!(leaf(BUILT_IN + 0x10, &[CALLER], &[]), format!("b {CALLERS}"));
    // In the inner frame's own code.
    let found = walked(&Leaf { ip: MADE + 0x90, argument: 0, top: &[], made: &[], framed: None });
    assert_eq!(short(&found), "m 2@90! I 1:99 s");
    // A frame of baseline code that is in a function of V8's own has no offset.
    let of_baseline = frame(STACK + 72 + 56, function(4), HEAP + 1, CALLER);
    let found = walked(&Leaf {
        ip: INTERPRETER + 0x20,
        argument: 0,
        top: &of_baseline,
        made: &[],
        framed: Some(7),
    });
    assert_eq!(short(&found), format!("I 4:-1 {CALLERS}"));
}

#[test]
fn a_frame_that_is_not_set_up_yet_has_the_function_in_a_register() {
    // `mov rbx, [rcx-0x18]; test byte [rbx+0x32], 0x20; jne; push rbp; mov rbp, rsp; push rsi`.
    let entry = [
        0x48, 0x8b, 0x59, 0xe8, 0xf6, 0x43, 0x32, 0x20, 0x0f, 0x85, 1, 2, 3, 4, 0x55, 0x48, 0x89,
        0xe5, 0x56,
    ];
    for at in [0, 4, 8, 14] {
        assert_eq!(leaf(MADE + at, &[CALLER], &entry), format!("m 5@{at:x}! {CALLERS}"));
    }
    assert_eq!(leaf(MADE + 15, &[STACK + 8 + 8 + 56, CALLER], &entry), format!("m 5@f! {CALLERS}"));
    // Node.js 18: `je` over a `jmp`.
    let entry = [0xf6, 0x43, 0x0f, 0x01, 0x74, 0x05, 0xe9, 1, 2, 3, 4, 0x55, 0x48, 0x89, 0xe5];
    assert_eq!(leaf(MADE, &[CALLER], &entry), format!("m 5@0! {CALLERS}"));
    // It has its frame: the step is by the frame pointer.
    assert_eq!(
        leaf(MADE + 18, &[], &[&[0x90; 14][..], &[0x55, 0x48, 0x89, 0xe5, 0x56]].concat()),
        "m 2@12! I 1:99 s"
    );
}

#[test]
fn the_frame_of_baseline_code_is_set_up_by_a_call() {
    // `mov ebx, 32; movabs r12, …; call`.
    let entry = [0xbb, 32, 0, 0, 0, 0x49, 0xbc, 1, 2, 3, 4, 5, 6, 7, 8, 0xe8, 1, 2, 3, 4, 0x50];
    for at in [0, 5, 15] {
        assert_eq!(leaf(MADE + at, &[CALLER], &entry), format!("m 5@{at:x}! {CALLERS}"));
    }
    assert_eq!(leaf(BUILT_IN + 8, &[MADE + 20, CALLER], &entry), format!("b m 5@13 {CALLERS}"));
    // Another call is made with a frame.
    let other = [&[0x90; 15][..], &entry[15..]].concat();
    assert_eq!(leaf(MADE + 15, &[], &other), "m 2@f! I 1:99 s");
    assert_eq!(leaf(BUILT_IN + 8, &[MADE + 20], &other), "b m 2@13 I 1:99 s");
}

#[test]
fn a_frame_that_is_given_up_has_no_function() {
    // `cmp rcx, 2; jg +3; ret 16; pop r10; lea rsp, [rsp+rcx*8]; push r10; ret`.
    let end = [
        0x48, 0x83, 0xf9, 2, 0x7f, 3, 0xc2, 16, 0, 0x41, 0x5a, 0x48, 0x8d, 0x24, 0xcc, 0x41, 0x52,
        0xc3,
    ];
    for at in [0, 4, 6, 9, 17] {
        assert_eq!(leaf(MADE + at, &[CALLER], &end), format!("m {CALLERS}"), "{at}");
    }
    // The return address is in a register.
    for at in [11, 15] {
        let found =
            walked(&Leaf { ip: MADE + at, argument: 0, top: &[], made: &end, framed: None });
        assert_eq!(
            (short(&found), found.flags.has(Flags::LOST_REGISTER)),
            (String::from("m"), true),
            "{at}"
        );
    }
    // Maglev: `cmp r8, 2; jg (32 bits); ret`. With `pop rbp` before it, the frame is still there.
    let end = [0x5d, 0x49, 0x83, 0xf8, 2, 0x0f, 0x8f, 3, 0, 0, 0, 0xc2, 16, 0];
    assert_eq!(leaf(MADE + 1, &[CALLER], &end), format!("m {CALLERS}"));
    assert_eq!(leaf(MADE, &[], &end), "m 2@0! I 1:99 s");
}

#[test]
fn what_is_no_function_adds_no_frame() {
    let entry = [0x55, 0x48, 0x89, 0xe5];
    for argument in [0, function(5) - 1, 1 << 50 | 1, 0x7f99_0000_0001] {
        let found =
            walked(&Leaf { ip: MADE, argument, top: &[CALLER], made: &entry, framed: None });
        assert_eq!(
            (short(&found), found.flags),
            (format!("m {CALLERS}"), Flags(0)),
            "{argument:#x}"
        );
    }
    let no_function = frame(STACK + 72 + 56, 6 << 32, 0, CALLER);
    let found = walked(&Leaf {
        ip: INTERPRETER + 0x20,
        argument: 0,
        top: &no_function,
        made: &[],
        framed: Some(7),
    });
    assert_eq!(short(&found), format!("I {CALLERS}"));
}

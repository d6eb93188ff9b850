//! CPython's frames, by a process whose memory the test writes.

use crate::native::{Registers, Snapshot, Walked, Walker};
use crate::sampler::{CodeMapping, PythonLayout, PythonWay, RuntimeFacts, SpaceName, Way};
use crate::unwind::rule::{Cfa, Restore, Rule, registers};
use crate::unwind::table::{Code, Source, Table};
use crate::{Flags, FrameKind};

const PROCESS: SpaceName = SpaceName { pid: 9, start: 9 };
const CODE: u64 = 0x7f00_0000_0000;
const BUILT_IN: u64 = CODE + 0x100;
const LOOP: u64 = CODE + 0x200;
const START: u64 = CODE + 0x300;
const STACK: u64 = 0x7ffc_0000_1000;
/// The interpreters, threads, frames and code objects.
const HEAP: u64 = 0x5600_0000_0000;
const THREAD: u64 = 0x7f11_0000_0000;
const CODES: u64 = HEAP + 0x1000;
const TEXTS: u64 = HEAP + 0x1800;
const FRAMES: u64 = HEAP + 0x2000;

const LAYOUT: PythonLayout = PythonLayout {
    way: PythonWay::ByShim,
    next_interpreter: 0,
    first_thread: 8,
    next_thread: 0,
    thread_id: 8,
    thread_frame: 16,
    run: None,
    previous: 0,
    code: 8,
    position: 16,
    kind: 24,
    instructions: 0x40,
    line: 0,
    name: 8,
    table: 16,
    shown: 8,
    file: 24,
};

/// A frame: its code object by number, its position in bytes, and the byte of its kind.
#[derive(Clone, Copy)]
struct Frame(u64, u64, u8);

const fn run(code: u64, position: u64) -> Frame {
    Frame(code, position, 0)
}

/// Frames that end a run (3.12 and later), on the stack of the inner and of the outer native frame of the loop.
const SHIM: Frame = Frame(0, 0, 3);
const OUTER: Frame = Frame(0, 0, 4);

/// The places of frames in memory.
fn places(frames: &[Frame]) -> Vec<u64> {
    let place = |(number, frame): (u64, &Frame)| match frame.2 {
        3 => STACK + 0x18,
        4 => STACK + 0x68,
        _ => FRAMES + 0x20 * number,
    };
    (0..).zip(frames).map(place).collect()
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The memory of a process with two threads; the second one has these frames, innermost first.
fn memory(frames: &[Frame], layout: &PythonLayout) -> Vec<(u64, Vec<u8>)> {
    let places = places(frames);
    let absolute = layout.way != PythonWay::ByLoop;
    let words = |(number, frame): (usize, &Frame)| {
        let code = CODES + 0x80 * frame.0;
        let begin = if absolute { code + layout.instructions } else { 0 };
        let code = if frame.0 == 0 { 0 } else { code };
        let previous = places.get(number + 1).copied().unwrap_or(0);
        [previous, code, begin + frame.1, frame.2.into()]
    };
    let mut heap = vec![0; 0x800];
    // The pointer to the interpreter, the interpreter, and its two threads.
    (heap[0], heap[2], heap[3]) = (HEAP + 0x10, 0, HEAP + 0x20);
    (heap[4], heap[5]) = (HEAP + 0x40, THREAD + 0x1000);
    (heap[8], heap[9], heap[10]) = (0, THREAD, places.first().copied().unwrap_or(0));
    for code in 1..16 {
        let at = ((CODES - HEAP) / 8 + 0x10 * code) as usize;
        let name = TEXTS + 0x20 * code;
        heap[at..at + 4].copy_from_slice(&[code * 10, name, 0x5600_2000 + code, TEXTS]);
        heap[((name - HEAP) / 8) as usize] = code * 1000;
    }
    // Two native frames of the loop of 0x40 bytes, each below a function of 0x10.
    let mut stack = vec![0; 0x18];
    (stack[1], stack[9], stack[11], stack[19]) =
        (LOOP + 0x10, BUILT_IN + 0x20, LOOP + 0x30, START + 0x10);
    for (place, words) in places.iter().zip(frames.iter().enumerate().map(words)) {
        let (memory, base) = if *place >= STACK { (&mut stack, STACK) } else { (&mut heap, HEAP) };
        let at = ((place - base) / 8) as usize;
        memory[at..at + 4].copy_from_slice(&words);
    }
    vec![(HEAP, bytes(&heap)), (STACK, bytes(&stack))]
}

/// Walks from a function that the loop has called, or from within the loop itself.
fn walked(frames: &[Frame], layout: &PythonLayout, in_loop: bool) -> Walked {
    let code = Code::new(Some(CODE..CODE + 0x1000)).unwrap();
    let mut source = Source::new(&code);
    let rule = |offset| {
        let cfa = Cfa::Register { register: registers::STACK_POINTER, offset };
        Rule { spare: Restore::Same, ..Rule::of(cfa) }
    };
    source.push(BUILT_IN..BUILT_IN + 0x80, &rule(0x10));
    source.push(LOOP..LOOP + 0x80, &rule(0x40));
    source.push(START..START + 0x80, &Rule::END);
    let mut walker = Walker::new().unwrap();
    let table = &walker.tables().install(&Table::build(&code, &[&source])).unwrap().unwrap();
    let mapping = |start, end, way| CodeMapping { start, end, way };
    let mappings = [
        mapping(CODE, LOOP, Way::Rules { table, bias: 0 }),
        mapping(LOOP, LOOP + 0x80, Way::Interpreter { table, bias: 0, runtime: 2 }),
        mapping(LOOP + 0x80, CODE + 0x1000, Way::Rules { table, bias: 0 }),
    ];
    let facts = RuntimeFacts::python(HEAP, layout).unwrap();
    assert!(walker.tables().set_space(PROCESS, &mappings, &[facts]).unwrap());
    let (ip, sp) = if in_loop { (LOOP + 0x10, STACK + 0x10) } else { (BUILT_IN + 0x10, STACK) };
    walker.sample(&Snapshot {
        registers: Registers { ip, sp, ..Registers::default() },
        thread_pointer: THREAD,
        memory: memory(frames, layout),
        ..Snapshot::of(PROCESS)
    })
}

/// The frames in short: native ones by a letter, the interpreter's by the number of their code and the position.
fn short(walked: &Walked) -> String {
    let one = |frame: &crate::Frame| match frame.kind {
        FrameKind::Interpreted { runtime: 2, position, .. } if frame.address == 0 => {
            assert_eq!(position, 0);
            String::from("-")
        }
        FrameKind::Interpreted { runtime: 2, position, .. } => {
            format!("{}:{}", (frame.address - CODES) / 0x80, position as i32)
        }
        FrameKind::Interpreted { .. } => String::from("?"),
        _ if frame.address >= START => String::from("s"),
        _ if frame.address >= LOOP => String::from("L"),
        _ => String::from("b"),
    };
    walked.frames.iter().map(one).collect::<Vec<_>>().join(" ")
}

const BY_LOOP: PythonLayout = PythonLayout { way: PythonWay::ByLoop, ..LAYOUT };

#[test]
fn a_run_ends_at_the_frame_on_the_native_stack() {
    let frames = [run(1, 4), run(2, 0), SHIM, run(3, 8), OUTER];
    let found = walked(&frames, &LAYOUT, false);
    assert_eq!(short(&found), "b L 1:4 2:0 b L 3:8 s");
    assert_eq!(found.flags, Flags(0));
}

#[test]
fn a_loop_that_is_being_set_up_or_left_runs_nothing() {
    let frames = [run(3, 8), OUTER];
    assert_eq!(short(&walked(&frames, &LAYOUT, true)), "L b L 3:8 s");
    assert_eq!(short(&walked(&[SHIM, run(3, 8), OUTER], &LAYOUT, true)), "L b L 3:8 s");
}

#[test]
fn the_check_tells_code_objects_apart() {
    let check = |code| match walked(&[run(code, 0), SHIM], &LAYOUT, true).frames[1].kind {
        FrameKind::Interpreted { check, .. } => check,
        _ => 0,
    };
    let all: Vec<u32> = (1..8).map(check).collect();
    assert!(all.iter().enumerate().all(|(at, one)| !all[at + 1..].contains(one)), "{all:x?}");
    assert_eq!(check(3), check(3));
}

#[test]
fn up_to_3_10_each_frame_of_the_loop_runs_one() {
    assert_eq!(short(&walked(&[run(1, 4), run(2, 6)], &BY_LOOP, false)), "b L 1:4 b L 2:6 s");
    assert_eq!(short(&walked(&[run(2, 6)], &BY_LOOP, true)), "L 2:6 b L - s", "one too far inside");
}

#[test]
fn a_thread_without_frames_has_the_loop_alone() {
    assert_eq!(short(&walked(&[], &LAYOUT, false)), "b L b L s");
}

#[test]
fn endless_frames_fill_the_stack_and_no_more() {
    let mut of = Snapshot::of(PROCESS);
    of.memory = memory(&[run(1, 4), SHIM], &LAYOUT);
    let found = walked(&[run(1, 4); 200], &LAYOUT, false);
    assert_eq!(found.frames.len(), 200 + 2 + 3, "the chain's end ends the run");
    assert!(found.reads < 700, "{}", found.reads);
}

/// The numbers of the code objects that are kept.
fn kept(frames: &[Frame]) -> Vec<u64> {
    let number = |object: crate::KeptObject| {
        let code = (object.address - CODES) / 0x80;
        let word = |part: usize| u64::from_ne_bytes(*object.parts[part].first_chunk().unwrap());
        assert_eq!((word(0), word(1)), (code * 10, code * 1000), "the object and its name");
        assert_eq!(object.parts[2].len(), 256);
        assert_eq!((object.runtime, object.space.pid), (2, PROCESS.pid));
        code
    };
    walked(frames, &LAYOUT, false).kept.into_iter().map(number).collect()
}

#[test]
fn what_names_a_new_code_object_is_kept_once() {
    assert_eq!(kept(&[run(1, 4), run(2, 0), run(1, 4), SHIM, run(3, 8), OUTER]), [1, 2, 3]);
    let all: Vec<Frame> = (1..16).map(|code| run(code, 0)).chain([SHIM]).collect();
    assert_eq!(kept(&all).len(), 15);
    assert_eq!(kept(&[]), []);
}

#[test]
fn the_check_of_a_kept_object_is_that_of_its_frame() {
    let found = walked(&[run(1, 4), SHIM], &LAYOUT, false);
    let FrameKind::Interpreted { check, .. } = found.frames[2].kind else { panic!("{found:?}") };
    assert_eq!(found.kept[0].check, check);
}

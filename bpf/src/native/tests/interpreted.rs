//! Frames that are no addresses: from an interpreter's loop through log, record, recording and replay.

use crate::native::{Registers, Snapshot, Walked, Walker};
use crate::replay::{Recorder, Replay};
use crate::sampler::{CodeMapping, SpaceName, Way};
use crate::unwind::rule::{Cfa, Restore, Rule, registers};
use crate::unwind::table::{Code, Source, Table};
use crate::{Flags, Frame, FrameKind, Losses, SampleSource, Stack, Trust, Window};

const PROCESS: SpaceName = SpaceName { pid: 9, start: 9 };
const CODE: u64 = 0x7f00_0000_0000;
/// A function that the interpreter calls, the range of the interpreter's loop, and the start of the stack.
const BUILT_IN: u64 = CODE + 0x100;
const LOOP: u64 = CODE + 0x200;
const START: u64 = CODE + 0x300;
const STACK: u64 = 0x7ffc_0000_1000;
/// The interpreter's frames.
const FRAMES: u64 = 0x5600_0000_0000;

/// A code object, a position and a check.
type Interpreted = (u64, u32, u32);

/// The memory that represents these frames, innermost first.
fn memory(of: &[Interpreted]) -> Vec<u8> {
    let frame = |(number, (object, position, check)): (usize, &Interpreted)| {
        let caller = FRAMES + 24 * (number as u64 + 1);
        let caller = if number + 1 == of.len() { 0 } else { caller };
        [caller, *object, u64::from(*check) << 32 | u64::from(*position)]
    };
    of.iter().enumerate().flat_map(frame).flat_map(u64::to_ne_bytes).collect()
}

/// The interpreter's loop calls a function, which calls the loop again. Both runs of the loop have the same frames.
fn walked(frames: &[Interpreted], has_walker: bool) -> Walked {
    let code = Code::new(Some(CODE..CODE + 0x1000)).unwrap();
    let mut source = Source::new(&code);
    let cfa = Cfa::Register { register: registers::STACK_POINTER, offset: 0x10 };
    let usual = Rule { spare: Restore::Same, ..Rule::of(cfa) };
    source.push(BUILT_IN..BUILT_IN + 0x80, &usual);
    source.push(LOOP..LOOP + 0x80, &usual);
    source.push(START..START + 0x80, &Rule::END);
    let mut walker = Walker::new().unwrap();
    walker.set_test_runtime(has_walker);
    let table = &walker.tables().install(&Table::build(&code, &[&source])).unwrap().unwrap();
    let mapping = |start, end, way| CodeMapping { start, end, way };
    let mappings = [
        mapping(CODE, LOOP, Way::Rules { table, bias: 0 }),
        mapping(LOOP, LOOP + 0x80, Way::Interpreter { table, bias: 0, runtime: 6 }),
        mapping(LOOP + 0x80, CODE + 0x1000, Way::Rules { table, bias: 0 }),
    ];
    assert!(walker.tables().set_space(PROCESS, &mappings, &[]).unwrap());
    let stack = [0, LOOP + 0x10, 0, BUILT_IN + 0x20, 0, LOOP + 0x30, 0, START + 0x10];
    walker.sample(&Snapshot {
        registers: Registers {
            ip: BUILT_IN + 0x10,
            sp: STACK,
            spare: FRAMES,
            ..Registers::default()
        },
        memory: vec![
            (FRAMES, memory(frames)),
            (STACK, stack.into_iter().flat_map(u64::to_ne_bytes).collect()),
        ],
        ..Snapshot::of(PROCESS)
    })
}

fn native(address: u64) -> Frame {
    let leaf = address == BUILT_IN + 0x10;
    let kind = if leaf { FrameKind::Instruction } else { FrameKind::Return };
    Frame { address, kind, trust: if leaf { Trust::Context } else { Trust::Rule } }
}

fn interpreted((object, position, check): Interpreted) -> Frame {
    let kind = FrameKind::Interpreted { runtime: 6, position, check };
    Frame { address: object, kind, trust: Trust::Rule }
}

const TWO: [Interpreted; 2] =
    [(0x7f00_1234_5670, 42, 0xdead_beef), (0x01ff_ffff_ffff_fff0, u32::MAX, 0)];

#[test]
fn a_loop_s_frames_stand_behind_it() {
    let found = walked(&TWO, true);
    let [inner, outer] = TWO.map(interpreted);
    let expected = [
        native(BUILT_IN + 0x10),
        native(LOOP + 0x10),
        inner,
        outer,
        native(BUILT_IN + 0x20),
        native(LOOP + 0x30),
        inner,
        outer,
        native(START + 0x10),
    ];
    assert_eq!(found.frames, expected);
    assert_eq!(found.flags, Flags(0));
    let natives =
        expected.into_iter().filter(|frame| !matches!(frame.kind, FrameKind::Interpreted { .. }));
    assert!(walked(&TWO, false).frames.into_iter().eq(natives), "without a walker");
}

#[test]
fn each_part_of_a_frame_is_part_of_the_stack_s_id() {
    let id = |frame| walked(&[frame], true).id;
    let (object, position, check) = TWO[0];
    let all = [
        id(TWO[0]),
        id((object + 8, position, check)),
        id((object, position + 1, check)),
        id((object, position, check + 1)),
        walked(&TWO, true).id,
        walked(&TWO, false).id,
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(one), "{at}");
    }
    assert_eq!(id(TWO[0]), id(TWO[0]));
}

/// The limit is 1,024 words. A frame of two words is never split.
#[test]
fn a_stack_that_is_cut_ends_with_a_whole_frame() {
    let endless = vec![TWO[0]; 2000];
    let found = walked(&endless, true);
    assert!(found.flags.has(Flags::TRUNCATED_USER));
    assert_eq!(found.frames.len(), 2 + 511);
    assert_eq!(found.frames.last(), Some(&interpreted(TWO[0])));
}

#[test]
fn a_frame_that_cannot_be_read_ends_the_walk_and_says_so() {
    let found = walked(&[], true);
    assert_eq!((found.frames.len(), found.flags), (2, Flags::UNREADABLE));
}

#[test]
fn a_recording_has_them_too() {
    let Walked { frames, id, .. } = walked(&TWO, true);
    let window =
        Window { stacks: vec![Stack { id, frames, checks: Vec::new() }], ..Window::default() };
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    recorder.window(&window).unwrap();
    let text = recorder.finish(&Losses::default()).unwrap();
    let (mut replay, mut found) = (Replay::read(&text).unwrap(), Window::default());
    replay.drain(&mut found).unwrap();
    assert_eq!(found, window);
}

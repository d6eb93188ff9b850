//! Recorded stacks. `make unwound` records them again, with the expectations of `examples/record_unwound`.

use crate::Flags;
use crate::native::Walker;
use crate::native::golden::{Golden, Known};
use crate::sampler::Unwind;
use crate::unwind::rule::registers::{FRAME_POINTER, SPARE, STACK_POINTER};
use crate::unwind::rule::{Cfa, Compact, Restore, ReturnAddress, Rule};
use std::path::Path;

/// The text of every recording, by its name.
fn recordings() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/unwind");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn recorded_stacks_are_found() {
    let all = recordings();
    assert!(all.len() >= 36, "{} recordings", all.len());
    for (name, text) in all {
        let golden: Golden = text.parse().unwrap();
        let walked = golden.walk().unwrap();
        let found: Vec<_> = walked.frames.iter().map(|f| (f.address, f.trust)).collect();
        let expected: Vec<_> = golden.frames.iter().map(|f| (f.address, f.trust)).collect();
        let same = found.iter().zip(&expected).take_while(|(found, right)| found == right).count();
        assert!(
            found == expected,
            "{name}: frame {same} is {:x?}, not {:x?}",
            found.get(same),
            golden.frames.get(same)
        );
        assert_eq!(walked.flags, golden.flags, "{name}");
    }
}

#[test]
fn recordings_are_written_as_they_are_read() {
    for (name, text) in recordings() {
        let golden: Golden = text.parse().unwrap();
        assert_eq!(golden.to_string(), text, "{name}");
    }
}

#[test]
fn what_is_no_recording_is_refused() {
    for line in ["frame 1", "rule 1 2 3", "bytes 00", "flags x", "frame 1 rule f * x", "unwind up"]
    {
        assert_eq!(
            line.parse::<Golden>(),
            Err(format!("line 1: {}", line.split(" * ").next().unwrap()))
        );
    }
}

fn recording(name: &str) -> Golden {
    let (_, text) = recordings().into_iter().find(|(found, _)| found == name).unwrap();
    text.parse().unwrap()
}

/// A table's rule by frame pointer differs from the rule for run-time code: here a frame pointer of 0 ends the stack.
#[test]
fn a_table_may_name_the_frame_pointer() {
    let mut golden = recording("no-rules");
    for mapping in &mut golden.mappings {
        mapping.known =
            Known::Rules(vec![(mapping.range.clone(), Compact::of(&Rule::FRAME_POINTER))]);
    }
    let walked = golden.walk().unwrap();
    let found = walked.frames.iter().map(|frame| frame.address);
    assert!(found.eq(golden.frames.iter().map(|frame| frame.address)), "{:x?}", walked.frames);
    assert_eq!(walked.flags, golden.flags);
}

#[test]
fn a_process_without_tables_is_walked_by_frame_pointer_and_said_so() {
    let mut golden = recording("fork");
    let own = golden.walk().unwrap();
    assert!(own.frames.len() > 2 && own.flags == Flags(0));
    let mut walker = Walker::new().unwrap();
    golden.snapshot.parent = None;
    let walked = walker.sample(&golden.snapshot);
    assert!(walked.flags.has(Flags::STALE.with(Flags::FRAME_POINTERS)), "{walked:x?}");
    golden.snapshot.unwind = Unwind::Rules;
    let walked = walker.sample(&golden.snapshot);
    assert_eq!(walked.frames.len(), 1);
    assert_eq!(walked.flags, Flags::STALE.with(Flags::NO_MAPPING));
}

/// A chain of frame pointers that returns to an earlier frame is broken, not endless.
#[test]
fn frame_pointers_go_up() {
    let mut golden = recording("frame-pointers");
    let first = golden.snapshot.registers.fp;
    let (start, bytes) = golden
        .snapshot
        .memory
        .iter_mut()
        .find(|(start, bytes)| (*start..*start + bytes.len() as u64).contains(&first))
        .unwrap();
    let at = (first - *start) as usize;
    let second = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let at = (second - *start) as usize;
    bytes[at..at + 8].copy_from_slice(&first.to_le_bytes());
    let walked = golden.walk().unwrap();
    assert_eq!(walked.frames.len(), 3);
    assert_eq!(walked.flags, Flags::FRAME_POINTERS.with(Flags::BROKEN));
}

/// A leaf and its caller are on one stack. The caller's caller is on another stack at a lower address.
const SWITCHED: &str = "\
unwind auto guess
process 64 7 0
registers 401010 9000 5000 0 0
mapping 401000 402000 rules
rule 401000 401100 800000701
rule 401100 401200 0
rule 401200 401300 800000741
memory 5000
bytes 0060000000000000501240000000000000000000000000000000000000000000
memory 9000
bytes 5011400000000000000000000000000000000000000000000000000000000000
flags 0
frame 401010 context leaf
frame 401150 rule switches
frame 401250 rule asks
";

#[test]
fn a_stack_that_was_switched_to_a_higher_one() {
    let mut golden: Golden = SWITCHED.parse().unwrap();
    let Known::Rules(rules) = &mut golden.mappings[0].known else { panic!("rules") };
    rules[1].1 = Compact::of(&Rule {
        fp: Restore::AtFramePointer(0),
        ra: ReturnAddress::AtFramePointer(8),
        ..Rule::of(Cfa::Register { register: FRAME_POINTER, offset: 16 })
    });
    let walked = golden.walk().unwrap();
    let found: Vec<_> = walked.frames.iter().map(|f| (f.address, f.trust)).collect();
    let expected: Vec<_> = golden.frames.iter().map(|f| (f.address, f.trust)).collect();
    assert_eq!((found, walked.flags), (expected, golden.flags));
    // With another rule, a stack that goes down is broken.
    let Known::Rules(rules) = &mut golden.mappings[0].known else { panic!("rules") };
    rules[1].1 = Compact::of(&Rule {
        fp: Restore::AtCfa(-16),
        ..Rule::of(Cfa::Register { register: FRAME_POINTER, offset: 16 })
    });
    let walked = golden.walk().unwrap();
    assert_eq!(walked.frames.len(), 2);
    assert!(walked.flags.has(Flags::BROKEN), "{:?}", walked.flags);
}

/// Four functions, each called by the next one. The frame pointer is 2.
const SAVED_ELSEWHERE: &str = "\
unwind auto guess
process 64 7 0
registers 401010 9000 2 0 0
mapping 401000 402000 rules
rule 401000 401100 0
rule 401100 401200 0
rule 401200 401300 0
rule 401300 401400 800000741
memory 9000
bytes 0000000000000000501140000000000010900000000000005012400000000000
bytes 00000000000000005013400000000000
flags 0
frame 401010 context leaf
frame 401150 rule calls
frame 401250 rule calls_that
frame 401350 rule begins
";

/// Walks the stack above by the rules of its first three functions.
fn saved_elsewhere(by: [Rule; 3]) -> (usize, Flags) {
    let mut golden: Golden = SAVED_ELSEWHERE.parse().unwrap();
    let Known::Rules(rules) = &mut golden.mappings[0].known else { panic!("rules") };
    rules.iter_mut().zip(&by).for_each(|((_, rule), by)| *rule = Compact::of(by));
    let walked = golden.walk().unwrap();
    let found = walked.frames.iter().map(|frame| frame.address);
    assert!(found.zip(&golden.frames).all(|(found, right)| found == right.address));
    (walked.frames.len(), walked.flags)
}

/// The return address and the stack pointer are still known. Only a rule that needs the register ends the walk.
#[test]
fn a_register_that_cannot_be_restored_is_lost_and_no_more() {
    let by = |register, offset| Rule::of(Cfa::Register { register, offset });
    let by_sp = by(STACK_POINTER, 16);
    for fp in [Restore::AtFramePointer(0), Restore::AtCfa(-1024)] {
        let leaf = Rule { fp, ..by_sp };
        assert_eq!(saved_elsewhere([leaf, by_sp, by_sp]), (4, Flags(0)), "{fp:?}");
        assert_eq!(saved_elsewhere([leaf, leaf, by_sp]), (4, Flags(0)), "{fp:?} twice");
        let by_fp = by(FRAME_POINTER, 16);
        assert_eq!(saved_elsewhere([leaf, by_sp, by_fp]), (3, Flags::LOST_REGISTER), "{fp:?}");
    }
    let (lost, by_spare) = (Rule { spare: Restore::AtCfa(-1024), ..by_sp }, by(SPARE, 32));
    assert_eq!(saved_elsewhere([lost, by_sp, by_sp]), (4, Flags(0)));
    assert_eq!(saved_elsewhere([lost, by_sp, by_spare]), (3, Flags::LOST_REGISTER));
    // A register that was lost is known again after a frame that saved it.
    let saved = Rule { spare: Restore::AtCfa(-16), ..by_sp };
    assert_eq!(saved_elsewhere([lost, saved, by_spare]), (4, Flags(0)));
    // Without a return address, the walk ends.
    let nowhere = Rule { ra: ReturnAddress::AtCfa(-1024), ..by_sp };
    assert_eq!(saved_elsewhere([by_sp, nowhere, by_sp]), (2, Flags::UNREADABLE));
}

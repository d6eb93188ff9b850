//! V8's own code, made of the instructions by which its parts are found.

use super::*;
use crate::rule::{Cfa, Restore, ReturnAddress, Rule, RuleTrust, registers};
use crate::table::Table;

const BEGIN: u64 = 0x4000;
const PUSH_RBP_MOV: [u8; 4] = [0x55, 0x48, 0x89, 0xe5];
/// `call rcx; mov r12, [rbp-0x20]; mov r9d, [rbp-0x24]`.
const CALL: [u8; 10] = [0xff, 0xd1, 0x4c, 0x8b, 0x65, 0xe0, 0x44, 0x8b, 0x4d, 0xdc];
/// `pop r8; lea rsp, [rsp+rbx*8]; push r8; ret`.
const RETURNS: [u8; 9] = [0x41, 0x58, 0x48, 0x8d, 0x24, 0xdb, 0x41, 0x50, 0xc3];

fn framed() -> Rule {
    let cfa = Cfa::Register { register: registers::FRAME_POINTER, offset: 16 };
    Rule { fp: Restore::AtCfa(-16), trust: RuleTrust::Synthesised, ..Rule::of(cfa) }
}

fn bare(offset: i32) -> Rule {
    let cfa = Cfa::Register { register: registers::STACK_POINTER, offset };
    Rule { fp: Restore::Same, trust: RuleTrust::Synthesised, ..Rule::of(cfa) }
}

fn below() -> Rule {
    Rule { ra: ReturnAddress::AtStackPointer(-8), ..bare(8) }
}

fn guessed() -> Rule {
    Rule { fp: Restore::Same, trust: RuleTrust::Synthesised, ..Rule::of(Cfa::Guessed) }
}

/// Code that begins at an address, and its parts.
struct Built {
    table: Table,
    whole: Vec<Range<u64>>,
}

impl Built {
    fn of(bytes: &[u8]) -> Self {
        let code = Code::new(Some(BEGIN..BEGIN + 0x1000)).unwrap();
        let stretches = [(&[0x90; 80][..], 0x1000), (bytes, BEGIN)];
        let parts = Parts::of(&stretches);
        let table = Table::build(&code, &[&parts.rules(&code), &tails(&stretches, &code)]);
        let relative = |range: &Range<u64>| range.start - BEGIN..range.end - BEGIN;
        Self { table, whole: parts.whole().iter().map(relative).collect() }
    }

    fn at(&self, offset: usize) -> Option<Rule> {
        self.table.look_up(BEGIN + offset as u64)
    }
}

#[test]
fn the_trampoline_s_frame_is_whole_from_its_last_word_to_its_end() {
    let set_up = [&PUSH_RBP_MOV[..], &[0x56, 0x57, 0x50, 0x41, 0x54, 0x51]].concat();
    // `test ecx, ecx; je +1; push rax`; the call; `leave; pop rcx; add rsp, rbx; push rcx; ret`.
    let body = [&[0x85, 0xc9, 0x74, 0x01, 0x50], &CALL[..]].concat();
    let end = [0xc9, 0x59, 0x48, 0x01, 0xdc, 0x51, 0xc3];
    let code = Built::of(&[&[0x90; 6], &set_up[..], &body, &end].concat());
    let (whole, left) = (6 + set_up.len(), 6 + set_up.len() + body.len());
    assert_eq!(code.whole, vec![whole as u64..left as u64 + 1]);
    assert_eq!(code.at(whole), Some(framed()));
    assert_eq!(code.at(left), Some(framed()), "leave");
    assert_eq!(code.at(left + 1), Some(bare(8)), "pop");
    assert_eq!(code.at(left + 2), Some(below()), "add");
    assert_eq!(code.at(left + 5), Some(guessed()), "push");
    assert_eq!(code.at(left + 6), Some(bare(8)), "return");
    assert_eq!(code.at(whole - 1), None);
}

#[test]
fn a_call_whose_frame_is_not_understood_is_one_all_the_same() {
    let code = Built::of(&[&[0x90; 6], &CALL[..], &[0x90; 3]].concat());
    assert_eq!(code.whole, vec![7..9]);
    assert_eq!(code.at(7), Some(framed()));
    assert_eq!(code.at(9), None);
}

#[test]
fn baseline_code_s_frame_is_set_up_by_a_function_that_has_none() {
    // `nop; pop r15`; the frame; `push r15; ret`.
    let words = [0x56, 0x57, 0x50, 0x41, 0x54, 0x41, 0x50];
    let code =
        Built::of(&[&[0x90, 0x41, 0x5f], &PUSH_RBP_MOV[..], &words, &[0x41, 0x57, 0xc3]].concat());
    let entered = Rule { spare: Restore::Same, ..bare(8) };
    assert_eq!(code.at(2), Some(entered), "the function itself");
    assert_eq!(code.at(3), Some(bare(8)));
    assert_eq!(code.at(4), Some(bare(16)));
    assert_eq!(code.at(7), Some(framed()));
    assert_eq!(code.whole, vec![14..17]);
    // Without the pop, it is any function.
    let code =
        Built::of(&[&[0x90, 0x90, 0x90], &PUSH_RBP_MOV[..], &words, &[0x41, 0x57, 0xc3]].concat());
    assert_eq!((code.whole.len(), code.at(7)), (0, None));
}

#[test]
fn a_frame_is_left_by_a_function_that_has_none() {
    // `mov r8, [rbp-0x28]; add [r8+15], ecx; jge +2; push rbx; pop rbx`; `mov rsp, rbp; pop rbp`.
    let begin =
        [0x4c, 0x8b, 0x45, 0xd8, 0x41, 0x01, 0x48, 0x0f, 0x0f, 0x8d, 2, 0, 0, 0, 0x53, 0x5b];
    let end = [&[0x48, 0x89, 0xec, 0x5d], &RETURNS[..]].concat();
    let code = Built::of(&[&begin[..], &end].concat());
    assert_eq!(code.whole, vec![0..20]);
    assert_eq!(code.at(0), Some(framed()));
    assert_eq!(code.at(15), Some(framed()));
    assert_eq!(code.at(20), Some(bare(8)));
    assert_eq!(code.at(22), Some(below()));
    assert_eq!(code.at(28), Some(bare(8)));
}

/// Functions, each behind padding up to an address that 64 divides; the first one enters the interpreter.
fn built_in_functions(functions: &[&[u8]]) -> Table {
    let mut bytes = [0xcc; 64].to_vec();
    for function in [&CALL[..], &[0xc3]].iter().chain(functions) {
        bytes.extend_from_slice(function);
        bytes.push(0xcc);
        bytes.resize(bytes.len().next_multiple_of(64), 0xcc);
    }
    let code = Code::new(Some(BEGIN..BEGIN + 0x1000)).unwrap();
    let stretches = [(&bytes[..], BEGIN)];
    Table::build(&code, &[&built_in(&Parts::of(&stretches), &stretches, &code)])
}

/// The rule at an offset of the first of these functions.
fn first(table: &Table, offset: usize) -> Option<Rule> {
    table.look_up(BEGIN + 192 + offset as u64)
}

#[test]
fn a_built_in_function_s_frame_is_followed() {
    // `test eax, eax; je +14; push rbp; mov rbp, rsp; push 0x22; call; pop rbp; ret`, and where it jumps to: `push rax; pop rax; ret`.
    let begin = [0x85, 0xc0, 0x74, 0x0d];
    let body = [&PUSH_RBP_MOV[..], &[0x6a, 0x22, 0xe8, 0, 0, 0, 0, 0x5d, 0xc3]].concat();
    let table = built_in_functions(&[&[&begin[..], &body, &[0x50, 0x58, 0xc3]].concat()]);
    let rules = [0, 2, 4, 5, 8, 10, 15, 16, 17, 18, 19].map(|at| first(&table, at));
    let (no, one) = (Some(bare(8)), Some(bare(16)));
    let is = Some(framed());
    assert_eq!(rules, [no, no, no, one, is, is, is, no, no, one, no]);
}

#[test]
fn where_ways_with_different_frames_meet_there_is_no_rule() {
    // `je +1; push rax; nop; ret`.
    let table = built_in_functions(&[&[0x74, 0x01, 0x50, 0x90, 0xc3]]);
    assert_eq!(
        [0, 2, 3, 4].map(|at| first(&table, at)),
        [Some(bare(8)), Some(bare(8)), None, None]
    );
    // What writes to the frame pointer, moves the stack by what only the program knows, or writes over the return address.
    for lost in [&[0x48, 0x89, 0xc5][..], &[0x48, 0x29, 0xc4], &[0x48, 0x89, 0x04, 0x24]] {
        let table = built_in_functions(&[&[lost, &[0x90, 0xc3]].concat()]);
        assert_eq!([0, lost.len()].map(|at| first(&table, at)), [Some(bare(8)), None], "{lost:x?}");
    }
}

#[test]
fn a_tail_call_leaves_the_next_function_as_it_is() {
    // `push rax; jmp` to the second function, and `push rbp; mov rbp, rsp; jmp` to the third.
    let one = [0x50, 0xe9, 0x3a, 0, 0, 0];
    let table = built_in_functions(&[&one, &[0x90, 0xc3], &[0xc3]]);
    assert_eq!(first(&table, 64), Some(bare(8)));
    let two = [&PUSH_RBP_MOV[..], &[0xe9, 0x77, 0, 0, 0]].concat();
    let table = built_in_functions(&[&two, &[0x90, 0xc3], &[0x90, 0xc3]]);
    assert_eq!(first(&table, 64), Some(bare(8)));
    assert_eq!(first(&table, 128), None, "no function begins with a frame");
}

/// `mov rbp, [rbp]`, some instructions, `jmp` to elsewhere.
fn tail(between: &[u8]) -> Built {
    Built::of(&[&[0x48, 0x8b, 0x6d, 0x00], between, &[0xe9, 0, 1, 0, 0]].concat())
}

#[test]
fn at_a_tail_call_the_return_address_is_on_top() {
    // `xor eax, eax; add rsp, 0x98`.
    let code = tail(&[0x31, 0xc0, 0x48, 0x81, 0xc4, 0x98, 0, 0, 0]);
    assert_eq!(code.at(3), None, "the frame is still there");
    assert_eq!(code.at(4), Some(bare(0xa0)));
    assert_eq!(code.at(6), Some(bare(0xa0)));
    assert_eq!(code.at(13), Some(bare(8)));
}

#[test]
fn a_return_address_that_moves_is_followed() {
    // `mov r10, [rsp+0x50]; mov [rsp+0x40], r10; mov [rsp+0x50], rax; add rsp, 0x40`.
    let moves =
        [0x4c, 0x8b, 0x54, 0x24, 0x50, 0x4c, 0x89, 0x54, 0x24, 0x40, 0x48, 0x89, 0x44, 0x24, 0x50];
    let code = tail(&[&moves[..], &[0x48, 0x83, 0xc4, 0x40]].concat());
    assert_eq!(code.at(4), Some(bare(0x58)));
    assert_eq!(code.at(9), Some(bare(0x58)), "not stored yet");
    assert_eq!(code.at(14), Some(bare(0x48)));
    assert_eq!(code.at(23), Some(bare(8)));
}

#[test]
fn what_is_no_line_to_a_jump_is_guessed() {
    // A push; a branch; a store of what was not on the stack.
    for between in [&[0x50][..], &[0x74, 0], &[0x48, 0x89, 0x04, 0x24]] {
        assert_eq!(
            tail(between).at(4),
            (between != [0x74, 0]).then_some(guessed()),
            "{between:x?}"
        );
    }
    let endless = [&[0x48, 0x8b, 0x6d, 0x00][..], &[0x90; 200]].concat();
    assert_eq!(Built::of(&endless).at(10), Some(guessed()));
}

#[test]
fn many_parts_and_wrong_addresses_are_bounded() {
    let bytes = CALL.repeat(100);
    assert!(Parts::of(&[(&bytes, u64::MAX - 4)]).whole().len() <= 8);
    let mut random = fastrand::Rng::with_seed(7);
    let pieces = [
        &PUSH_RBP_MOV[..],
        &CALL,
        &RETURNS,
        &[0x41, 0x5f],
        &[0x56],
        &[0x48, 0x8b, 0x6d, 0x00],
        &[0xeb, 0xf0],
        &[0x74, 0x80],
        &[0x4c, 0x8b, 0x45, 0xd8, 0x41, 0x01, 0x48, 0x0f, 0x0f, 0x8d, 2, 0, 0, 0],
    ];
    for _ in 0..2000 {
        let mut bytes = Vec::new();
        for _ in 0..random.usize(..40) {
            bytes.extend(pieces[random.usize(..pieces.len())]);
            bytes.extend_from_slice(&random.u32(..).to_le_bytes()[..random.usize(..3)]);
        }
        for address in [0, BEGIN, u64::MAX - 16, i64::MAX as u64 - 8] {
            let code = Code::new(Some(BEGIN..BEGIN + 0x1000)).unwrap();
            let stretches = [(&bytes[..], address)];
            let parts = Parts::of(&stretches);
            let built_in = built_in(&parts, &stretches, &code);
            let _ =
                Table::build(&code, &[&parts.rules(&code), &tails(&stretches, &code), &built_in]);
        }
    }
}

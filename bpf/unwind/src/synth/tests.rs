//! Small functions, each called by one that has rules.

mod ends;

use super::*;
use crate::rule::{Cfa, Restore, ReturnAddress, RuleTrust, registers};

const CALLERS: u64 = 0x1000;
const ASSEMBLY: u64 = 0x1100;

/// Covered code that calls these addresses, up to the assembly.
fn callers(targets: &[u64]) -> Vec<u8> {
    let mut code = Vec::new();
    for target in targets {
        let next = CALLERS + code.len() as u64 + 5;
        code.push(0xe8);
        code.extend((target.wrapping_sub(next) as u32).to_le_bytes());
    }
    code.resize((ASSEMBLY - CALLERS) as usize, 0x90);
    code
}

/// Synthesises rules for assembly whose functions begin at these offsets.
fn made(assembly: &[u8], functions: &[u64]) -> Synthesised {
    let targets: Vec<u64> = functions.iter().map(|offset| ASSEMBLY + offset).collect();
    let mut code = [callers(&targets), assembly.to_vec()].concat();
    code.resize(code.len().next_multiple_of(16), 0x90);
    follow(&code, std::slice::from_ref(&(CALLERS..ASSEMBLY)))
}

/// Synthesises rules for code with nothing around it.
fn follow(bytes: &[u8], covered: &[Range<u64>]) -> Synthesised {
    let code = Code::new(Some(CALLERS..CALLERS + bytes.len() as u64)).unwrap();
    let memory = vec![Segment { address: CALLERS, bytes }];
    let uncovered = &Uncovered::read(&code, &memory, covered);
    let (plt, functions, pointers) = (&[], &[], &[]);
    synthesise(&Input {
        code: &code,
        memory: &memory,
        fixed: false,
        uncovered,
        plt,
        functions,
        pointers,
    })
}

/// The rule at an offset of the assembly: how the frame is found, and the frame pointer.
fn at(made: &Synthesised, offset: u64) -> Option<(Cfa, Restore)> {
    let address = ASSEMBLY + offset;
    let (_, rule) = made.rules.iter().find(|(range, _)| range.contains(&address))?;
    assert_eq!((rule.trust, rule.ra), (RuleTrust::Synthesised, ReturnAddress::AtCfa(-8)));
    Some((rule.cfa, rule.fp))
}

/// The frame is not known, and the frame pointer is the caller's still.
const GUESSED: Option<(Cfa, Restore)> = Some((Cfa::Guessed, Restore::Same));

fn height(offset: i32) -> Cfa {
    Cfa::Register { register: registers::STACK_POINTER, offset }
}

#[test]
fn pushes_are_followed_and_rbp_is_found() {
    // push rbx; push rbp; sub rsp, 24; call 0x20; add rsp, 24; pop rbp; pop rbx; ret | 0x20: xor eax, eax; ret
    let code = b"\x53\x55\x48\x83\xec\x18\xe8\x15\0\0\0\x48\x83\xc4\x18\x5d\x5b\xc3\
        \x66\x66\x2e\x0f\x1f\x84\0\0\0\0\0\x0f\x1f\0\x31\xc0\xc3";
    let made = made(code, &[0]);
    let same = |offset| Some((height(offset), Restore::Same));
    let saved = |offset| Some((height(offset), Restore::AtCfa(-24)));
    assert_eq!([at(&made, 0), at(&made, 1), at(&made, 2)], [same(8), same(16), saved(24)]);
    assert_eq!([at(&made, 6), at(&made, 11), at(&made, 15)], [saved(48), saved(48), saved(24)]);
    assert_eq!([at(&made, 17), at(&made, 0x20), at(&made, 0x22)], [same(8); 3]);
    assert_eq!(at(&made, 0x12), None, "padding has no rule");
    assert_eq!(made.counts.ruled, 18 + 3);
}

#[test]
fn an_aligned_frame_is_found_by_what_it_keeps() {
    // mov r10, rsp; and rsp, -64; sub rsp, 128; mov [rsp+64], r10; call 0x20; mov rsp, [rsp+64]; ret; 0x20: xor r10d, r10d; ret
    let code =
        b"\x49\x89\xe2\x48\x83\xe4\xc0\x48\x81\xec\x80\0\0\0\x4c\x89\x54\x24\x40\xe8\x08\0\0\0\
        \x48\x8b\x64\x24\x40\xc3\x66\x90\x45\x31\xd2\xc3";
    let made = made(code, &[0]);
    let by_r10 = Some((Cfa::Register { register: 10, offset: 8 }, Restore::Same));
    let by_word = Cfa::Deref { register: registers::STACK_POINTER, offset: 64, add: 8 };
    assert_eq!([at(&made, 3), at(&made, 7)], [Some((height(8), Restore::Same)), by_r10]);
    assert_eq!([at(&made, 0x13), at(&made, 0x18)], [Some((by_word, Restore::Same)); 2]);
    assert_eq!(at(&made, 0x1d), Some((height(8), Restore::Same)));
}

#[test]
fn a_register_is_kept_where_the_callee_leaves_it_alone() {
    // mov r10, rsp; and rsp, -64; call 0x10; mov rsp, r10; ret
    let code = |callee: &[u8]| {
        [b"\x49\x89\xe2\x48\x83\xe4\xc0\xe8\x04\0\0\0\x4c\x89\xd4\xc3".as_slice(), callee].concat()
    };
    let by_r10 = Some((Cfa::Register { register: 10, offset: 8 }, Restore::Same));
    // xor eax, eax; ret
    let gentle = made(&code(b"\x31\xc0\xc3"), &[0]);
    assert_eq!([at(&gentle, 7), at(&gentle, 12)], [by_r10; 2]);
    assert_eq!(at(&gentle, 15), Some((height(8), Restore::Same)));
    // xor r10d, r10d; ret
    let rude = made(&code(b"\x45\x31\xd2\xc3"), &[0]);
    assert_eq!([at(&rude, 7), at(&rude, 12), at(&rude, 15)], [by_r10, GUESSED, GUESSED]);
    assert!(rude.counts.frame_lost > 0);
}

#[test]
fn a_register_is_kept_where_others_jump_to_the_callee() {
    // mov r10, rsp; and rsp, -64; call 0x10; mov rsp, r10; ret; 0x10: xor eax, eax; ret; 0x13: jmp 0x10
    let code = b"\x49\x89\xe2\x48\x83\xe4\xc0\xe8\x04\0\0\0\x4c\x89\xd4\xc3\x31\xc0\xc3\xeb\xfb";
    let made = made(code, &[0, 0x13]);
    let callee = made.rules.iter().find(|(range, _)| range.contains(&(ASSEMBLY + 0x10)));
    assert_eq!(callee.map(|(_, rule)| rule.spare), Some(Restore::Same));
}

#[test]
fn a_frame_pointer_is_one_where_the_frame_is_whole() {
    // push rbp; mov rbp, rsp; sub rsp, rdi; call rax; leave; ret
    let made = made(b"\x55\x48\x89\xe5\x48\x29\xfc\xff\xd0\xc9\xc3", &[0]);
    let by_rbp = Cfa::Register { register: registers::FRAME_POINTER, offset: 16 };
    assert_eq!(at(&made, 1), Some((height(16), Restore::AtCfa(-16))));
    assert_eq!(
        [at(&made, 4), at(&made, 7), at(&made, 9)],
        [Some((by_rbp, Restore::AtCfa(-16))); 3]
    );
    assert_eq!(at(&made, 10), Some((height(8), Restore::Same)));
}

#[test]
fn ways_with_different_heights_lead_to_no_rule() {
    // test edi, edi; je 5; push rbx; 5: nop; ret
    let made = made(b"\x85\xff\x74\x01\x53\x90\xc3", &[0]);
    assert_eq!(
        [at(&made, 4), at(&made, 5), at(&made, 6)],
        [Some((height(8), Restore::Same)), GUESSED, GUESSED]
    );
    assert_eq!((made.counts.heights_differ, made.counts.unbalanced_returns), (1, 0));
}

#[test]
fn code_that_leads_to_an_unbalanced_return_has_no_rule() {
    // push rbx; nop; ret
    let made = made(b"\x53\x90\xc3", &[0]);
    assert_eq!((made.rules, made.counts.unbalanced_returns), (vec![], 1));
}

#[test]
fn a_return_address_is_followed_where_it_is_put() {
    // pop rcx; pop rax; push rcx; ret
    let moved = made(b"\x59\x58\x51\xc3", &[0]);
    let bare = Some((height(8), Restore::Same));
    assert_eq!([0, 1, 2, 3].map(|offset| at(&moved, offset)), [bare, GUESSED, GUESSED, bare]);
    // mov [rsp], rax; ret
    let overwritten = made(b"\x48\x89\x04\x24\xc3", &[0]);
    assert_eq!([at(&overwritten, 0), at(&overwritten, 4)], [bare, GUESSED]);
}

#[test]
fn a_buffer_that_is_cleared_does_not_hide_the_caller() {
    // push rbx; sub rsp, 64; mov rdi, rsp; rep stosq; add rsp, 64; pop rbx; ret
    let code = b"\x53\x48\x83\xec\x40\x48\x89\xe7\xf3\x48\xab\x48\x83\xc4\x40\x5b\xc3";
    let made = made(code, &[0]);
    assert_eq!([at(&made, 8), at(&made, 11)], [Some((height(80), Restore::Same)); 2]);
}

#[test]
fn what_takes_its_arguments_off_the_stack_leaves_the_frame_pointer() {
    // push rbp; mov rbp, rsp; push rax; call 0x10; pop rbp; ret; 0x10: ret 8
    let code = b"\x55\x48\x89\xe5\x50\xe8\x06\0\0\0\x5d\xc3\x90\x90\x90\x90\xc2\x08\0";
    let framed = made(code, &[0]);
    let by_rbp = Cfa::Register { register: registers::FRAME_POINTER, offset: 16 };
    assert_eq!([at(&framed, 5), at(&framed, 10)], [Some((by_rbp, Restore::AtCfa(-16))); 2]);
    // push rax; call 0x10; ret; 0x10: ret 8
    let code = b"\x50\xe8\x0a\0\0\0\xc3\x90\x90\x90\x90\x90\x90\x90\x90\x90\xc2\x08\0";
    let frameless = made(code, &[0]);
    assert_eq!(at(&frameless, 1), Some((height(16), Restore::Same)));
    assert_eq!(at(&frameless, 6), GUESSED, "where the stack pointer is then is not known");
}

/// push rbx; lea rax, [0x20]; movsxd rdi, [rax+rdi*4]; add rdi, rax; jmp rdi; 0x11: xor eax, eax; pop rbx; ret;
/// 0x15: push rax; pop rax; pop rbx; ret; 0x20: a table of these two
const TABLE: &[u8] =
    b"\x53\x48\x8d\x05\x18\0\0\0\x48\x63\x3c\xb8\x48\x01\xc7\xff\xe7\x31\xc0\x5b\xc3\
    \x50\x58\x5b\xc3\x0f\x1f\x80\0\0\0\0\xf1\xff\xff\xff\xf5\xff\xff\xff\0\0\0\0";

#[test]
fn a_table_s_targets_have_the_jump_s_height() {
    let made = made(TABLE, &[0]);
    for (offset, expected) in [(0xf, 16), (0x11, 16), (0x13, 16), (0x14, 8), (0x15, 16), (0x16, 24)]
    {
        assert_eq!(at(&made, offset), Some((height(expected), Restore::Same)), "at {offset:#x}");
    }
    assert_eq!(made.counts.indirect_jumps, 0);
}

#[test]
fn what_only_looks_like_an_entry_is_none() {
    // Its address is computed by code that has rules: once a function, once the middle of an instruction, once data.
    let code = b"\x53\x48\x83\xec\x10\x48\x83\xc4\x10\x5b\xc3\x90\x90\x90\x90\x90\xff\xff\xff\xff\x06\x06\x06\x06";
    for (offset, good) in [(0, true), (2, false), (0x10, false)] {
        // lea rax, [offset]; ret
        let distance = (ASSEMBLY - CALLERS) as u32 - 7 + offset;
        let mut callers = [b"\x48\x8d\x05".as_slice(), &distance.to_le_bytes(), b"\xc3"].concat();
        callers.resize((ASSEMBLY - CALLERS) as usize, 0x90);
        let bytes = [callers, code.to_vec()].concat();
        let made = follow(&bytes, std::slice::from_ref(&(CALLERS..ASSEMBLY)));
        assert_eq!(!made.rules.is_empty(), good, "{offset:#x}");
        assert_eq!(made.counts.refused_entries, u64::from(!good), "{offset:#x}");
    }
}

#[test]
fn rules_stay_outside_of_covered_code() {
    // The last instruction would reach into the code behind, which is covered.
    let code = [
        callers(&[ASSEMBLY]),
        b"\x53\x5b\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x48".to_vec(),
        vec![0x90; 16],
    ];
    let code = code.concat();
    let made = follow(&code, &[CALLERS..ASSEMBLY, ASSEMBLY + 16..ASSEMBLY + 32]);
    assert_eq!(made.rules.last().map(|(range, _)| range.end), Some(ASSEMBLY + 15));
    assert_eq!(made.counts.undecodable, 1);
}

#[test]
fn hostile_bytes_cost_no_more_than_their_number_allows() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..60 {
        let mut code: Vec<u8> = (0..4096).map(|_| random.u64(..) as u8).collect();
        for _ in 0..round * 8 {
            // Jumps back and forth, pushes and calls.
            let at = random.u64(..) as usize % (code.len() - 8);
            let form: &[u8] =
                [b"\xeb".as_slice(), b"\x53", b"\x75", b"\xe8\0\0\0", b"\x48\x83\xe4"][at % 5];
            code[at..at + form.len()].copy_from_slice(form);
        }
        let functions: Vec<u64> = (0..32).map(|_| random.u64(..) % 4096).collect();
        let made = made(&code, &functions);
        let ends = made.rules.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start);
        let within = made
            .rules
            .iter()
            .all(|(range, _)| range.start >= ASSEMBLY && range.end <= ASSEMBLY + 4096);
        assert!(ends && within, "{:?}", made.rules);
    }
}

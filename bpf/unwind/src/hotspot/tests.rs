//! Small pieces of code, as HotSpot's compilers and people make them.

use super::blob::by_frame_pointer;
use super::*;
use crate::rule::{Cfa, ReturnAddress, Rule, registers};

const AT: u64 = 0x7f00_0000_0000;
const RBP: u8 = registers::FRAME_POINTER;

fn made(what: What<'_>, code: &[u8]) -> Rows {
    rules(&Blob { what, address: AT, code })
}

/// The height of the stack at an offset, and the caller's frame pointer.
fn height(rows: &Rows, offset: u32) -> Option<(i32, Restore)> {
    let rule = rows.at(offset)?;
    let Cfa::Register { register: registers::STACK_POINTER, offset } = rule.cfa else {
        return None;
    };
    (rule.ra == ReturnAddress::AtCfa(-8)).then_some((offset, rule.fp))
}

const SAVED: Restore = Restore::AtCfa(-16);

fn compiled(code: &[u8], complete: u32, words: u32) -> Rows {
    made(What::Compiled { complete, words, second_entry: None }, code)
}

#[test]
fn a_compiled_method_from_its_entry_to_its_slow_path() {
    // mov [rsp-0x14000], eax; push rbp; sub rsp, 0x20; | nop; add rsp, 0x20; pop rbp; cmp rsp, [r15+8]; ja slow; ret;
    // nop; slow: mov [r15], r10; jmp far; handler: call next; next: jmp far
    let code =
        b"\x89\x84\x24\x00\xc0\xfe\xff\x55\x48\x83\xec\x20\x90\x48\x83\xc4\x20\x5d\x49\x3b\x67\x08\
        \x77\x02\xc3\x90\x4d\x89\x17\xe9\0\0\x01\0\xe8\0\0\0\0\xe9\0\0\x01\0";
    let rows = compiled(code, 12, 6);
    let same = |bytes| Some((bytes, Restore::Same));
    assert_eq!(
        [height(&rows, 0), height(&rows, 7), height(&rows, 8)],
        [same(8), same(8), Some((16, SAVED))]
    );
    let body = Some((48, SAVED));
    assert_eq!([height(&rows, 12), height(&rows, 13)], [body; 2]);
    assert_eq!(height(&rows, 17), Some((16, SAVED)));
    assert_eq!([height(&rows, 18), height(&rows, 22), height(&rows, 24)], [same(8); 3]);
    assert_eq!(height(&rows, 25), body, "behind the return the frame is there");
    assert_eq!([height(&rows, 26), height(&rows, 29)], [same(8); 2], "but where the poll jumps to");
    assert_eq!(height(&rows, 34), body);
    assert_eq!(height(&rows, 39), Some((56, SAVED)), "a call of what follows pushes its address");
    assert_eq!(rows.at(12).unwrap().trust, RuleTrust::Rule);
    assert_eq!(rows.at(18).unwrap().trust, RuleTrust::Synthesised);
}

#[test]
fn a_call_of_interpreted_code_goes_through_the_method_s_own_stub() {
    // | ret; mov rbx, 1; jmp far; mov rbx, 0; jmp -; mov rbx, 2; jmp here
    let mut code = b"\xc3\x48\xbb\x01\0\0\0\0\0\0\0\xe9\0\0\0\x01".to_vec();
    code.extend(b"\x48\xbb\0\0\0\0\0\0\0\0\xe9\xfb\xff\xff\xff");
    code.extend(b"\x48\xbb\x02\0\0\0\0\0\0\0\xe9\xe0\xff\xff\xff");
    let rows = compiled(&code, 0, 4);
    let called = Some((40, SAVED));
    assert_eq!([1, 11, 16, 26].map(|at| height(&rows, at)), [called; 4]);
    assert_eq!(height(&rows, 31), Some((32, SAVED)), "a block of the method");
}

#[test]
fn a_frame_pointer_that_is_stored_and_not_pushed() {
    // sub rsp, 0x18; mov [rsp+0x10], rbp; | nop; mov rbp, [rsp+0x10]; add rsp, 0x18; ret
    let code = b"\x48\x83\xec\x18\x48\x89\x6c\x24\x10\x90\x48\x8b\x6c\x24\x10\x48\x83\xc4\x18\xc3";
    let rows = compiled(code, 9, 4);
    assert_eq!(height(&rows, 4), Some((32, Restore::Same)));
    assert_eq!([height(&rows, 9), height(&rows, 15)], [Some((32, SAVED)); 2]);
    assert_eq!(height(&rows, 19), Some((8, SAVED)), "the word is there still");
}

#[test]
fn a_stack_pointer_that_is_kept_and_popped() {
    // | mov rcx, rsp; jae on; sub rsp, 0x10; mov rdi, rsp; on: push rcx; push rax; pop rax; pop rsp; nop
    let code = b"\x48\x8b\xcc\x73\x07\x48\x83\xec\x10\x48\x8b\xfc\x51\x50\x58\x5c\x90";
    let body = Some((48, SAVED));
    let rows = compiled(code, 0, 6);
    assert_eq!([0, 3, 5].map(|at| height(&rows, at)), [body; 3]);
    assert_eq!([9, 12, 13, 14, 15].map(|at| height(&rows, at)), [None; 5], "either way came here");
    assert_eq!(height(&rows, 16), body);
    assert_eq!(rows.at(16).unwrap().trust, RuleTrust::Rule);
    // Not what was pushed last; the register has something else by then; the register itself.
    for (at, bytes, after) in [(14, b"\x90", None), (5, b"\x59", None)] {
        let mut code = code.to_vec();
        code.splice(at..at + bytes.len(), bytes.iter().copied());
        assert_eq!(height(&compiled(&code, 0, 6), 16), after, "{at}");
    }
    // mov r12, rsp; and rsp, -16; call 0x1000; mov rsp, r12; nop
    let aligned = b"\x4c\x8b\xe4\x48\x83\xe4\xf0\x90\x90\x90\x90\x90\x49\x8b\xe4\x90";
    let rows = compiled(aligned, 0, 6);
    assert_eq!([height(&rows, 3), height(&rows, 7), height(&rows, 15)], [body, None, body]);
}

#[test]
fn a_method_that_is_entered_in_the_middle_of_a_loop() {
    // push rbp; sub rsp, 0x10; | jmp -; second: push rbp; sub rsp, 0x10; nop
    let code = b"\x55\x48\x83\xec\x10\xeb\xfe\x55\x48\x83\xec\x10\x90";
    let what = What::Compiled { complete: 5, words: 4, second_entry: Some(7) };
    let rows = made(what, code);
    assert_eq!(height(&rows, 5), Some((32, SAVED)));
    assert_eq!([height(&rows, 7), height(&rows, 8)], [Some((8, Restore::Same)), Some((16, SAVED))]);
    assert_eq!(height(&rows, 12), Some((32, SAVED)));
}

#[test]
fn a_stub_must_agree_with_its_description() {
    // push rbp; mov rbp, rsp; sub rsp, 0x10; call far; leave; ret
    let code = b"\x55\x48\x8b\xec\x48\x83\xec\x10\xe8\0\0\x01\0\xc9\xc3";
    let rows = made(What::Stub { words: Some(4) }, code);
    let by_fp = Cfa::Register { register: RBP, offset: 16 };
    assert_eq!([height(&rows, 0), height(&rows, 1)], [Some((8, Restore::Same)), Some((16, SAVED))]);
    assert_eq!((rows.at(8).unwrap().cfa, rows.at(8).unwrap().fp), (by_fp, SAVED));
    assert_eq!(height(&rows, 14), Some((8, Restore::Same)));
    // Another size: it is entered in a way that is not known, and all that is sure is the frame where it calls.
    let rows = made(What::Stub { words: Some(6) }, code);
    assert_eq!(rows.at(0), Some(UNKNOWN));
    assert_eq!([height(&rows, 8), height(&rows, 12)], [Some((48, SAVED)); 2]);
    assert_eq!(rows.at(13), Some(UNKNOWN));
    // No size, and a return with something on the stack: nothing is sure.
    let rows = made(What::Stub { words: None }, b"\x50\xc3");
    assert_eq!([rows.at(0), rows.at(1)], [Some(UNKNOWN); 2]);
}

#[test]
fn the_interpreter_s_entry_frame_and_return() {
    // pop rax; push 0; jne -; push rax; push rbp; mov rbp, rsp; push r13; nop |
    // mov rbx, [rbp-8]; leave; pop rcx; mov rsp, rbx; jmp rcx; nop
    let code = b"\x58\x6a\x00\x75\xfc\x50\x55\x48\x8b\xec\x41\x55\x90\
        \x48\x8b\x5d\xf8\xc9\x59\x48\x8b\xe3\xff\xe1\x90";
    let pieces =
        [Codelet { begin: 0, end: 13, entry: true }, Codelet { begin: 13, end: 25, entry: false }];
    let rows = made(What::Interpreter { pieces: &pieces }, code);
    let bare = |register, at| {
        let cfa = Cfa::Register { register, offset: 0 };
        let ra = ReturnAddress::AtStackPointer(at);
        Some(Rule { ra, trust: RuleTrust::Synthesised, ..Rule::of(cfa) })
    };
    assert_eq!(rows.at(0), bare(13, 0));
    assert_eq!(
        [rows.at(1), rows.at(3), rows.at(5)],
        [Some(UNKNOWN); 3],
        "a loop overwrites the address"
    );
    assert_eq!([rows.at(6), rows.at(7)], [bare(13, 0), bare(13, 8)]);
    let standing = |cfa| by_frame_pointer(cfa);
    let by_r13 = standing(Cfa::Register { register: 13, offset: 0 });
    assert_eq!(rows.at(10), Some(Rule { trust: RuleTrust::Synthesised, ..by_r13 }));
    let framed = Some(standing(Cfa::Deref { register: RBP, offset: -8, add: 0 }));
    assert_eq!([rows.at(12), rows.at(13), rows.at(17)], [framed; 3]);
    assert_eq!([rows.at(18), rows.at(19)], [bare(3, 0), bare(3, -8)]);
    assert_eq!([rows.at(22), rows.at(24)], [Some(UNKNOWN), framed]);
}

#[test]
fn adapters_in_both_directions() {
    // mov rax, [rsp]; mov r11, rsp; and rsp, -16; push rax; mov rax, r11; jmp r11 |
    // test rax, rax; pop rax; mov r13, rsp; sub rsp, 0x20; mov [rsp], rax; mov [rsp+8], rcx; jmp rcx
    let code = b"\x48\x8b\x04\x24\x4c\x8b\xdc\x48\x83\xe4\xf0\x50\x49\x8b\xc3\x41\xff\xe3\
        \x48\x85\xc0\x58\x4c\x8b\xec\x48\x83\xec\x20\x48\x89\x04\x24\x48\x89\x4c\x24\x08\xff\xe1";
    let rows = made(What::Adapter, code);
    let same = Some((8, Restore::Same));
    assert_eq!([height(&rows, 0), height(&rows, 7), height(&rows, 12)], [same; 3]);
    assert_eq!(rows.at(11), Some(UNKNOWN), "aligned, and not yet pushed");
    assert_eq!([height(&rows, 18), height(&rows, 21)], [same; 2]);
    let taken = rows.at(22).unwrap();
    assert_eq!((taken.ra, rows.at(25)), (ReturnAddress::AtStackPointer(-8), Some(taken)));
    assert_eq!(height(&rows, 29), Some((32, Restore::Same)), "still in its old place");
    let moved = rows.at(33).unwrap();
    let cfa = Cfa::Register { register: registers::STACK_POINTER, offset: 32 };
    assert_eq!((moved.cfa, moved.ra, moved.fp), (cfa, ReturnAddress::AtCfa(-32), Restore::Same));
    assert_eq!(rows.at(38), Some(moved));
}

#[test]
fn an_adapter_that_calls_the_runtime_first() {
    // mov r13, rsp; mov rax, [rsp]; and rsp, -16; sub rsp, 0x10; mov [rsp], rax; call far; mov rsp, r13;
    // pop rax; sub rsp, 0x20; mov [rsp], rax; jmp rcx
    let code = b"\x4c\x8b\xec\x48\x8b\x04\x24\x48\x83\xe4\xf0\x48\x83\xec\x10\x48\x89\x04\x24\xe8\0\0\x01\0\
        \x49\x8b\xe5\x58\x48\x83\xec\x20\x48\x89\x04\x24\xff\xe1";
    let rows = made(What::Adapter, code);
    assert_eq!(rows.at(15), Some(UNKNOWN), "aligned");
    assert_eq!(height(&rows, 27), Some((8, Restore::Same)));
    assert_eq!(height(&rows, 32), Some((32, Restore::Same)));
    assert_eq!(rows.at(36).unwrap().ra, ReturnAddress::AtCfa(-32));
}

#[test]
fn a_stub_by_hand_whose_stack_grows_in_a_loop() {
    // push rbp; mov rbp, rsp; sub rsp, 0x60; push rax; jne -; call rsi; lea rsp, [rbp-0x60]; add rsp, 0x60; pop rbp; ret
    let mut code = b"\x55\x48\x8b\xec\x48\x83\xec\x60\x50\x75\xfd\xff\xd6\x48\x8d\x65\xa0\x48\x83\xc4\x60\x5d\xc3".to_vec();
    code.resize(32, 0x90);
    let rows = made(What::Routines { pointers: &[17, AT] }, &code);
    let by_fp = Cfa::Register { register: RBP, offset: 16 };
    for offset in [4, 8, 9, 11, 13, 17, 21] {
        let rule = rows.at(offset).unwrap();
        assert_eq!((rule.cfa, rule.fp), (by_fp, SAVED), "at {offset}");
    }
    assert_eq!([height(&rows, 0), height(&rows, 22)], [Some((8, Restore::Same)); 2]);
    assert_eq!(rows.at(24), Some(UNKNOWN), "padding");
}

#[test]
fn a_stub_by_hand_is_not_guessed() {
    // push rbp; mov rbp, rsp; call 16; pop rbp; ret; 16: lea rsp, [rsp+rdi*8]; dec edi; jne 16; ret: there the stack's height is
    // not known, and the frame pointer is the caller's.
    let mut code = b"\x55\x48\x8b\xec\xe8\x07\0\0\0\x5d\xc3".to_vec();
    code.resize(16, 0x90);
    code.extend(b"\x48\x8d\x24\xfc\xff\xcf\x75\xf8\xc3");
    let rows = made(What::Routines { pointers: &[AT, AT + 16] }, &code);
    assert!((0..code.len() as u32).all(|at| rows.at(at).unwrap().cfa != Cfa::Guessed));
}

#[test]
fn pieces_become_a_source_over_their_addresses() {
    let code = crate::table::Code::new(Some(AT..AT + 0x2_0000)).unwrap();
    let first = made(What::Frameless, &[0x90; 16]);
    let second = compiled(b"\x55\x48\x83\xec\x10\x90", 5, 4);
    let outside = made(What::Frameless, &[0x90; 16]);
    let pieces = [
        (AT + 0x100..AT + 0x110, &first),
        (AT + 0xfffe..AT + 0x1_0004, &second),
        (AT + 0x1_fff8..AT + 0x2_0008, &outside),
    ];
    let table = crate::table::Table::build(&code, &[&source(&code, pieces), &not_yet(&code)]);
    let height = |offset| match table.look_up(AT + offset).unwrap().cfa {
        Cfa::Register { offset, .. } => Some(offset),
        cfa => {
            assert_eq!(cfa, Cfa::NotYet);
            None
        }
    };
    assert_eq!([0xff, 0x100, 0x10f, 0x110].map(height), [None, Some(8), Some(8), None]);
    assert_eq!(
        [0xfffe, 0xffff, 0x1_0003, 0x1_0004].map(height),
        [Some(8), Some(16), Some(32), None]
    );
    assert_eq!([0x1_fff8, 0x1_ffff].map(height), [None; 2]);
}

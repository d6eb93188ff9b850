//! Ends of functions: in other functions, in calls that never return, with popped arguments.

use super::*;

const BARE: Option<(Cfa, Restore)> =
    Some((Cfa::Register { register: registers::STACK_POINTER, offset: 8 }, Restore::Same));
const ONE_PUSHED: Option<(Cfa, Restore)> =
    Some((Cfa::Register { register: registers::STACK_POINTER, offset: 16 }, Restore::Same));

/// A function that ends in a jump to offset 0x10; there: push rbx; xor eax, eax; pop rbx; ret.
fn before_another(function: &[u8]) -> Vec<u8> {
    let mut code = function.to_vec();
    code.extend([0xe9, 0x10 - 5 - function.len() as u8, 0, 0, 0]);
    code.resize(0x10, 0xcc);
    code.extend(b"\x53\x31\xc0\x5b\xc3");
    code
}

fn other(made: &Synthesised) -> [Option<(Cfa, Restore)>; 3] {
    [0x10, 0x11, 0x14].map(|offset| at(made, offset))
}

#[test]
fn a_function_that_is_jumped_to_begins_with_its_return_address() {
    // pop rcx; pop rax; push rcx: the return address, moved
    let moved = made(&before_another(b"\x59\x58\x51"), &[0, 0x10]);
    assert_eq!(other(&moved), [BARE, ONE_PUSHED, BARE]);
    // pop rcx; lea rsp, [rsp+rdi*8]; push rcx: moved to where only the program knows
    let far = made(&before_another(b"\x59\x48\x8d\x24\xfc\x51"), &[0, 0x10]);
    assert_eq!(other(&far), [BARE, ONE_PUSHED, BARE]);
    // lea rsp, [rsp+rdi*8]
    let unknown = made(&before_another(b"\x48\x8d\x24\xfc"), &[0, 0x10]);
    assert_eq!(other(&unknown), [BARE, ONE_PUSHED, BARE]);
    // push rax: that is no return address
    let pushed = made(&before_another(b"\x50"), &[0, 0x10]);
    assert_eq!(other(&pushed), [GUESSED; 3]);
}

#[test]
fn a_jump_back_to_a_function_s_own_begin_is_no_other_call() {
    // 0: lea rsp, [rsp+rdi*8]; dec edi; jne 0; ret
    let made = made(b"\x48\x8d\x24\xfc\xff\xcf\x75\xf8\xc3", &[0]);
    assert_eq!([at(&made, 0), at(&made, 4), at(&made, 8)], [GUESSED; 3]);
}

#[test]
fn what_is_lost_before_a_function_is_jumped_to_is_lost_to_callers() {
    // push rbx; call 0x20; pop rbx; ret | 0x10: push rbx; xor eax, eax; pop rbx; ret |
    // 0x20: xor ebp, ebp; lea rsp, [rsp+rdi*8]; jmp 0x10
    let mut code = b"\x53\xe8\x1a\0\0\0\x5b\xc3".to_vec();
    code.resize(0x10, 0xcc);
    code.extend(b"\x53\x31\xc0\x5b\xc3");
    code.resize(0x20, 0xcc);
    code.extend(b"\x31\xed\x48\x8d\x24\xfc\xeb\xe8");
    let made = made(&code, &[0, 0x10, 0x20]);
    assert_eq!([at(&made, 1), at(&made, 6)], [ONE_PUSHED, Some((height(16), Restore::Unknown))]);
    assert_eq!(other(&made), [BARE, ONE_PUSHED, BARE]);
}

/// test edi, edi; je 0xd; push rbp; mov rbp, rsp; call 0x20; 0xd: what follows; 0x20: jmp 0x20
fn calls_what_never_returns(follows: &[u8]) -> Vec<u8> {
    let call = b"\x85\xff\x74\x09\x55\x48\x89\xe5\xe8\x13\0\0\0";
    let mut code = [call.as_slice(), follows].concat();
    code.resize(0x20, 0xcc);
    code.extend(b"\xeb\xfe");
    code
}

#[test]
fn a_frame_ends_at_a_call_where_all_that_follows_has_none() {
    // xor eax, eax; ret
    let returns = made(&calls_what_never_returns(b"\x31\xc0\xc3"), &[0]);
    assert_eq!([0, 2, 4, 0xd, 0xf].map(|offset| at(&returns, offset)), [BARE; 5]);
    let framed = Some((height(16), Restore::AtCfa(-16)));
    assert_eq!(at(&returns, 5), framed);
    // pop rcx; push rax; dec edi; jne 0xe; push rcx; ret
    let pushes = b"\x59\x50\xff\xcf\x75\xfb\x51\xc3";
    let pushes = made(&calls_what_never_returns(pushes), &[0]);
    assert_eq!([at(&pushes, 0xd), at(&pushes, 0xe), at(&pushes, 0x13)], [BARE, GUESSED, GUESSED]);
}

#[test]
fn ways_with_a_frame_and_without_may_meet_and_part() {
    // test edi, edi; jne 0x12; ret; 0x12: leave; ret
    let parts = made(&calls_what_never_returns(b"\x85\xff\x75\x01\xc3\xc9\xc3"), &[0]);
    assert_eq!([0xd, 0xf, 0x11, 0x12].map(|offset| at(&parts, offset)), [None; 4]);
    // ud2: it is unknown whether the call returns
    let stops = made(&calls_what_never_returns(b"\x31\xc0\x0f\x0b"), &[0]);
    assert_eq!([at(&stops, 0xd), at(&stops, 0xf)], [None; 2]);
}

#[test]
fn a_return_address_is_where_it_was_put_last() {
    // pop rcx; lea rsp, [rsp+rdi*8]; push rcx; ret
    let made = made(b"\x59\x48\x8d\x24\xfc\x51\xc3", &[0]);
    assert_eq!([0, 1, 5, 6].map(|offset| at(&made, offset)), [BARE, GUESSED, GUESSED, BARE]);
}

#[test]
fn many_calls_that_may_never_return_cost_little() {
    // Again and again: test edi, edi; je 0xf; push rbp; mov rbp, rsp; call 0; nop; nop
    let mut code = Vec::new();
    for number in 0..400_i32 {
        let back = -(number * 15 + 13);
        code.extend(b"\x85\xff\x74\x09\x55\x48\x89\xe5\xe8");
        code.extend(back.to_le_bytes());
        code.extend(b"\x90\x90");
    }
    code.push(0xc3);
    let made = made(&code, &[0]);
    assert_eq!(made.counts.gave_up, None);
    assert!(made.counts.instructions < 300_000, "{:?}", made.counts);
}

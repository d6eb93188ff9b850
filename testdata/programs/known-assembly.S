# Functions with unwind rules written by hand, and functions without any.
#include "functions.h"

	.text

	.macro END name
	.size \name, . - \name
	.endm

# --- With rules.

	FUNCTION with_rules
	.cfi_startproc
	push rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	push rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	sub rsp, 24
	.cfi_adjust_cfa_offset 24
	xor ebp, ebp
	call ruled_leaf
	push 5
	.cfi_adjust_cfa_offset 8
	push 6
	.cfi_adjust_cfa_offset 8
	call ruled_callee
	add rsp, 16
	.cfi_adjust_cfa_offset -16
	add rsp, 24
	.cfi_adjust_cfa_offset -24
	pop rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	pop rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	ret
	.cfi_endproc
	END with_rules

	FUNCTION ruled_leaf
	.cfi_startproc
	inc rbp
	nop
	ret
	.cfi_endproc
	END ruled_leaf

	FUNCTION ruled_callee
	.cfi_startproc
	push r12
	.cfi_adjust_cfa_offset 8
	mov r12, 3
	pop r12
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	END ruled_callee

# The frame address by rbx, and the stack pointer anywhere.
	FUNCTION with_rules_by_register
	.cfi_startproc
	push rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	mov rbx, rsp
	.cfi_def_cfa_register rbx
	sub rsp, 512
	and rsp, -128
	call ruled_under_register
	mov rsp, rbx
	.cfi_def_cfa_register rsp
	pop rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	ret
	.cfi_endproc
	END with_rules_by_register

	FUNCTION ruled_under_register
	.cfi_startproc
	xor eax, eax
	inc eax
	ret
	.cfi_endproc
	END ruled_under_register

# --- Without.

	FUNCTION without_rules
	push rbp
	sub rsp, 16
	mov ebp, 7
	call bare_leaf
	call bare_pushes
	call bare_aligned_in_memory
	call bare_aligned_in_register
	call bare_aligned_by_base
	call bare_tail
	add rsp, 16
	pop rbp
	ret
	END without_rules

	FUNCTION bare_leaf
	lea rax, [rdi + rdi*2]
	xor ecx, ecx
1:	inc ecx
	cmp ecx, 3
	jl 1b
	ret
	END bare_leaf

	FUNCTION bare_pushes
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	sub rsp, 72
	mov ebp, 9
	call bare_under_pushes
	add rsp, 72
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret
	END bare_pushes

	FUNCTION bare_under_pushes
	sub rsp, 40
	mov [rsp + 8], rdi
	call called_back
	add rsp, 40
	ret
	END bare_under_pushes

	FUNCTION bare_aligned_in_memory
	push rbp
	mov r10, rsp
	sub rsp, 256
	and rsp, -64
	mov [rsp + 128], r10
	mov ebp, 7
	call bare_under_memory
	mov rsp, [rsp + 128]
	pop rbp
	ret
	END bare_aligned_in_memory

	FUNCTION bare_under_memory
	xor r10d, r10d
	push r14
	mov r14d, 1
	pop r14
	ret
	END bare_under_memory

	FUNCTION bare_aligned_in_register
	push r13
	mov r13, rsp
	and rsp, -64
	sub rsp, 192
	xor eax, eax
	nop
	mov rsp, r13
	pop r13
	ret
	END bare_aligned_in_register

	FUNCTION bare_aligned_by_base
	push rbp
	mov rbp, rsp
	and rsp, -64
	sub rsp, 192
	call bare_under_base
	mov rsp, rbp
	pop rbp
	ret
	END bare_aligned_by_base

	FUNCTION bare_under_base
	push rbx
	mov ebx, 1
	inc ebx
	pop rbx
	ret
	END bare_under_base

# Jumps, out of a frame and without one.
	FUNCTION bare_tail
	push rbx
	xor ebx, ebx
	pop rbx
	jmp bare_jumped_to
	END bare_tail

	FUNCTION bare_jumped_to
	push rbp
	mov ebp, 1
	pop rbp
	jmp bare_jumped_to_again
	END bare_jumped_to

	FUNCTION bare_jumped_to_again
	xor eax, eax
	repz ret
	END bare_jumped_to_again

	.section .note.GNU-stack, "", @progbits

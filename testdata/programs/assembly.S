# Functions as they stand in codecs and crypto: no unwind rules, a frame pointer that is a register like any other.
#include "functions.h"

	.text

# No frame.
	FUNCTION leaf
	lea rax, [rdi + rdi*2]
	xor ecx, ecx
1:	add rax, rcx
	inc ecx
	cmp ecx, 8
	jl 1b
	ret

# All saved registers are pushed; rbp holds data.
	FUNCTION pushes
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	sub rsp, 72
	mov rbp, rdi
	mov [rsp + 8], rdi
	call leaf
	lea rbx, [rax + rbp]
	mov rdi, rbx
	call leaf
	add rsp, 72
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

# An aligned frame: the stack pointer from before lies in it.
	FUNCTION aligned_in_memory
	push rbp
	mov r10, rsp
	sub rsp, 256
	and rsp, -64
	mov [rsp + 128], r10
	mov rbp, 7
	call leaf
	mov rdi, rax
	call clobbers
	mov rsp, [rsp + 128]
	pop rbp
	ret

# It lies in a register that the routines which are called leave alone.
	FUNCTION aligned_in_register
	mov r11, rsp
	and rsp, -32
	sub rsp, 96
	call leaf
	sub rsp, 64
	call leaf
	mov rsp, r11
	ret

# It lies in a saved register.
	FUNCTION aligned_in_saved_register
	push r13
	mov r13, rsp
	and rsp, -64
	sub rsp, 192
	call clobbers
	mov rdi, rax
	call leaf
	mov rsp, r13
	pop r13
	ret

	FUNCTION clobbers
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	xor r11d, r11d
	lea rax, [rdi + 1]
	ret

# A frame pointer and as much of the stack as the caller says.
	FUNCTION dynamic
	push rbp
	mov rbp, rsp
	push rbx
	sub rsp, 8
	and rdi, 0xf0
	sub rsp, rdi
	call callback
	lea rsp, [rbp - 8]
	pop rbx
	leave
	ret

# Tail jumps, out of a frame and without one.
	FUNCTION tails
	push rbx
	mov rbx, rdi
	call leaf
	test al, 1
	mov rdi, rbx
	je 1f
	pop rbx
	jmp leaf
1:	pop rbx
	jmp pushes

# A jump through a table, inside a frame; a routine that jumps back to where a register says.
	FUNCTION tables
	push rbx
	sub rsp, 32
	lea rax, [rip + table]
	and edi, 3
	movsxd rdi, dword ptr [rax + rdi*4]
	add rax, rdi
	jmp rax
.Lzero:	mov eax, 1
	jmp .Ldone
.Lone:	push rdi
	call leaf
	pop rdi
	jmp .Ldone
.Ltwo:	lea r8, [rip + .Ldone]
	jmp detour
.Lthree: xor eax, eax
.Ldone:	add rsp, 32
	pop rbx
	repz ret

	.p2align 4
detour:	mov eax, 3
	xor edx, edx
	nop
	jmp r8

	.section .rodata
	.p2align 2
table:	.long .Lzero - table, .Lone - table, .Ltwo - table, .Lthree - table

	.section .note.GNU-stack, "", @progbits

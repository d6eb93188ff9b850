# Places to stop at, each with frames of another kind around it. A stop is a breakpoint instruction.
#include "functions.h"

	.section .note.GNU-stack,"",@progbits
	.text

# The end of the stack, and said so.
	FUNCTION _start
	.cfi_startproc
	.cfi_undefined rip
	xor ebp, ebp
	mov rdi, [rsp + 16]
	and rsp, -16
	call run
	xor edi, edi
	mov eax, 60
	syscall
	.cfi_endproc

	FUNCTION stop
	.cfi_startproc
	int3
	ret
	.cfi_endproc

# As the linker describes stubs of lazy binding: one word more from the twelfth byte on; it is stopped at just that.
	FUNCTION stub
	.cfi_startproc
	.cfi_escape 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22
	int3
	.nops 4
	.byte 0x68, 0, 0, 0, 0 # push
	int3
	add rsp, 8
	.cfi_endproc
	.cfi_startproc
	ret
	.cfi_endproc

# The frame address by the register that compilers align stacks with.
	FUNCTION by_realign_register
	.cfi_startproc
	lea r10, [rsp + 8]
	.cfi_def_cfa r10, 0
	and rsp, -64
	int3
	lea rsp, [r10 - 8]
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc

# By a saved register, which what it calls saves and uses.
	FUNCTION by_spare_register
	.cfi_startproc
	push rbx
	.cfi_adjust_cfa_offset 8
	.cfi_offset rbx, -16
	lea rbx, [rsp + 16]
	.cfi_def_cfa rbx, 0
	and rsp, -64
	call rdi
	lea rsp, [rbx - 16]
	.cfi_def_cfa rsp, 16
	pop rbx
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc

# It lies further below the return address than what is read at once.
	FUNCTION saves_spare_register
	.cfi_startproc
	sub rsp, 1000
	.cfi_adjust_cfa_offset 1000
	mov [rsp], rbx
	.cfi_offset rbx, -1008
	mov ebx, 1
	call stop
	mov rbx, [rsp]
	add rsp, 1000
	.cfi_adjust_cfa_offset -1000
	ret
	.cfi_endproc

# The frame address by a register that callees need not save.
	FUNCTION by_lost_register
	.cfi_startproc
	lea r10, [rsp + 8]
	.cfi_def_cfa r10, 0
	call stop
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc

	FUNCTION saves_frame_pointer
	.cfi_startproc
	push rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset rbp, -16
	call guessed_at_once
	pop rbp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc

# A return address in a register.
	FUNCTION unsupported
	.cfi_startproc
	mov rax, [rsp]
	.cfi_register rip, rax
	int3
	ret
	.cfi_endproc

# A stack pointer that points nowhere.
	FUNCTION nowhere
	.cfi_startproc
	mov rdx, rsp
	mov esp, 0x1000
	int3
	mov rsp, rdx
	ret
	.cfi_endproc

# As deep as it is told.
	FUNCTION deep
	.cfi_startproc
	sub rsp, 8
	.cfi_adjust_cfa_offset 8
	dec edi
	jz 1f
	call deep
	jmp 2f
1:	call stop
2:	add rsp, 8
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc

# A stack that ends where it is told.
	FUNCTION on_a_stack
	.cfi_startproc
	.cfi_undefined rip
	push rbx
	mov rbx, rsp
	mov rsp, rdi
	call through
	mov rsp, rbx
	pop rbx
	ret
	.cfi_endproc

	FUNCTION through
	.cfi_startproc
	call stop
	ret
	.cfi_endproc

# Frame pointers, down to a frame that has none.
	FUNCTION framed_first
	.cfi_startproc
	push rbp
	.cfi_adjust_cfa_offset 8
	xor ebp, ebp
	call framed_second
	pop rbp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc

	FUNCTION framed_second
	.cfi_startproc
	push rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset rbp, -16
	mov rbp, rsp
	call framed_third
	pop rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	ret
	.cfi_endproc

	FUNCTION framed_third
	.cfi_startproc
	push rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset rbp, -16
	mov rbp, rsp
	int3
	pop rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	ret
	.cfi_endproc

# A signal arrives behind the system call that sends it.
	FUNCTION interrupted
	.cfi_startproc
	push rbp
	.cfi_adjust_cfa_offset 8
	mov esi, 10
	mov eax, 62
	syscall
	pop rbp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc

# From here on no rules.
	FUNCTION restorer
	mov rax, 15
	syscall

	FUNCTION bare
	push rbx
	sub rsp, 32
	call stop
	add rsp, 32
	pop rbx
	ret

	FUNCTION guessed_at_once
	int3
	ret

# In between lie an address of code without a call before it, and one that has the bytes of a call before it but is no code.
	FUNCTION guessed_further
	mov eax, 0xe8000000
	push rax
	lea rax, [rsp + 8]
	push rax
	push 0
	push offset guessed_further
	push 0
	int3
	add rsp, 40
	ret

# On one way something is pushed, so that nothing tells the height where the ways meet.
	FUNCTION guessed_height
	xor eax, eax
	test eax, eax
	je 1f
	push 0
1:	call stop
	ret

	FUNCTION guessed_framed
	push rbp
	mov rbp, rsp
	int3
	pop rbp
	ret

	FUNCTION not_guessed
	.rept 9
	push 0
	.endr
	int3
	add rsp, 72
	ret

/* 18 MiB of functions that set up a frame pointer and have no unwind rules, as compilers pad them. Nobody calls them. */
	.text
	.p2align 4, 0xcc
	.rept 36864
	push %rbp
	mov %rsp, %rbp
	.skip 480, 0x90
	pop %rbp
	ret
	.p2align 9, 0xcc
	.endr
	.section .note.GNU-stack, "", @progbits

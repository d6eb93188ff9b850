/* lost(): takes as much of the stack as memory says, which is nothing, so that no disassembly can follow it; and it has no unwind rules. */
	.text
	.p2align 4
	.globl lost
	.type lost, @function
lost:
	mov nothing(%rip), %rax
	sub %rax, %rsp
	mov $300000, %ecx
0:
	dec %ecx
	jnz 0b
	add %rax, %rsp
	ret
	.size lost, . - lost
	.data
	.p2align 3
nothing:
	.quad 0
	.section .note.GNU-stack, "", @progbits

/* For assembly: Intel syntax, and how a function begins. */
	.intel_syntax noprefix

	.macro FUNCTION name
	.p2align 4
	.globl \name
	.type \name, @function
\name:
	.endm

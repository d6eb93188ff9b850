/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The contract between names.bpf.c and user space. */
#ifndef NAMES_H
#define NAMES_H

enum name_limits {
	/* The addresses of one run. */
	ADDRESSES = 64,
	/* The bytes of a name. The kernel's own limit is 512; with offset, size and module it is 600. */
	NAME_BYTES = 640,
};

struct name {
	__u64 address;
	/* `function+0x10/0x40 [module]`, ended by 0; `0x…` if the address is in no function. */
	char text[NAME_BYTES];
};
_Static_assert(sizeof(struct name) == 648, "without holes");

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What crosses between names.bpf.c and user space. */
#ifndef NAMES_H
#define NAMES_H

enum name_limits {
	/* Addresses of one run. */
	ADDRESSES = 64,
	/* Bytes of a name: the kernel's own limit is 512, with offset, size and module 600. */
	NAME_BYTES = 640,
};

struct name {
	__u64 address;
	/* `function+0x10/0x40 [module]`, ended by 0; `0x…` where the address lies in none. */
	char text[NAME_BYTES];
};
_Static_assert(sizeof(struct name) == 648, "without holes");

#endif

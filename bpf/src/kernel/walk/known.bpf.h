/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The registers of a frame that a walk may know. */
#ifndef KNOWN_BPF_H
#define KNOWN_BPF_H

enum {
	KNOWN_FP = 1,
	KNOWN_SPARE = 2,
	KNOWN_OTHERS = 4,    /* those of a leaf, from FIRST_OF_LEAF on */
	KNOWN_FUNCTION = 8,  /* the code is being entered, and its first argument is the function that it runs */
	KNOWN_SIZE = 16,     /* the frame's size is that of its description, without a rule; */
	KNOWN_SAVED_FP = 32, /* then: the caller's frame pointer lies below the return address */
};

#endif

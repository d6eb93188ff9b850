/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* An interpreter of the tests: its loop keeps the innermost frame in the saved
 * register that rules build on. */
#ifndef WALKER_H
#define WALKER_H

#include "../kernel/walk/interpreters/push.bpf.h"

enum {
	TEST_RUNTIME = 6,
	TEST_FRAMES = 2048, /* a loop, at most */
};

/* What such a frame is in memory; the outermost one has no caller. */
struct test_frame {
	__u64 caller;
	__u64 object;
	__u32 position;
	__u32 check;
};

static bool has_test_runtime;

static int test_frames(struct walk *w, struct log *log, __u64 limit)
{
	__u64 at = has_test_runtime ? w->spare : 0;
	struct test_frame frame;

	for (int i = 0; i < TEST_FRAMES && at; i++) {
		if (bpf_probe_read_user(&frame, sizeof frame, (void *)at))
			return WALK_CANNOT_READ;
		push_interpreted(w, log, TEST_RUNTIME, frame.object, frame.position, frame.check);
		if (w->at >= limit)
			return WALK_TRUNCATES;
		at = frame.caller;
	}
	return WALK_GOES_ON;
}

#define WALKERS                                                                                                        \
	case TEST_RUNTIME:                                                                                             \
		return test_frames(w, log, limit);

#endif

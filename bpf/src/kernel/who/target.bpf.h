/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The tasks that are recorded. */
#ifndef TARGET_BPF_H
#define TARGET_BPF_H

#include "maps.bpf.h"
#include "who/task.bpf.h"

const volatile __u32 target_kind = TARGET_MACHINE;
const volatile __u32 excluded_pid = 0;

/* The byte that says whether an id belongs to the target. */
static __always_inline __u8 *target_byte(__u32 id)
{
	__u32 key = id / IDS_AN_ENTRY;
	struct ids *ids = bpf_map_lookup_elem(&targets, &key);

	return ids ? &ids->is_target[id & (IDS_AN_ENTRY - 1)] : 0;
}

static __always_inline bool is_target(const struct task *t)
{
	__u8 *yes;

	if (t->pid == excluded_pid && excluded_pid)
		return false;
	if (target_kind == TARGET_MACHINE)
		return true;
	yes = target_byte(target_kind == TARGET_THREADS ? t->tid : t->pid);
	return yes && *yes;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Records: a sample and its new stacks, appended to the slot's log. */
#ifndef RECORD_BPF_H
#define RECORD_BPF_H

#include "slots.bpf.h"
#include "walk/kernel_stack.bpf.h"
#include "walk/user_stack.bpf.h"
#include "who/task.bpf.h"

/* The event's facts about the moment of the sample. */
struct hit {
	struct registers at;
	__u64 weight;
	__u64 words[2]; /* the event's own */
};

const volatile bool want_user = true;
const volatile bool want_kernel = true;

/* Finds the run's log and checks its room. False: there is none; the sample is lost and counted. */
static __always_inline bool open_log(struct run *r, const bool swaps)
{
	__u64 now = current_generation(swaps);
	__u32 key = (now & 1) * logs_a_generation + r->key;

	r->generation = now;
	r->log = bpf_map_lookup_elem(&logs, &key);
	r->slot->walk.log = key;
	if (!r->log)
		return false;
	r->start = r->log->used;
	if (r->start + RECORD_MOST > log_mask) {
		r->figures->full++;
		return false;
	}
	return true;
}

/* Appends a sample with its stacks. */
static __always_inline void store(void *ctx, struct run *r, const struct task *t, const struct hit *hit,
				  const struct registers *user)
{
	__u64 at = r->start + RECORD_WORDS;
	struct record *record = (void *)&r->log->words[r->start & log_mask];

	record->version = RECORD_VERSION;
	record->event = r->event;
	record->kept = 0;
	record->kernel_words = 0;
	record->user_words = 0;
	record->kernel_stack = 0;
	record->user_stack = 0;
	record->time = bpf_ktime_get_ns();
	record->cpu = r->cpu;
	record->pid = t->pid;
	record->tid = t->tid;
	record->start_boottime = t->start_boottime;
	record->exec_id = t->exec_id;
	record->weight = hit->weight;
	record->words[0] = hit->words[0];
	record->words[1] = hit->words[1];
	record->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(record->comm, sizeof record->comm);
	if (!hit->at.user) {
		r->flags |= FLAG_IN_KERNEL;
		if (want_kernel)
			record->kernel_words = kernel_stack(ctx, r, record, at);
		at += record->kernel_words;
	}
	r->slot->walk.keeps = 0;
	if (want_user && user->user)
		record->user_words = user_stack(r, t, user, record, at);
	at += record->user_words;
	if (r->slot->walk.keeps)
		record->kept = keep_objects(r->key, at);
	at += record->kept * KEPT_WORDS;
	record->flags = r->flags;
	r->log->used = at;
}

#endif

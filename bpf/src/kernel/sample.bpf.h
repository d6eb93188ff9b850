/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Samples the running task if it belongs to the target. */
#ifndef SAMPLE_BPF_H
#define SAMPLE_BPF_H

#include "record.bpf.h"
#include "who/registers.bpf.h"
#include "who/target.bpf.h"

const volatile bool want_idle = false;

/* The user registers of the sampled task. If the event hit user code, they are the event's own. */
static __always_inline void user_registers(struct run *r, const struct task *t, const struct hit *hit,
					   struct registers *user, const bool direct)
{
	if (hit->at.user)
		*user = hit->at;
	else if (t->flags & PF_KTHREAD)
		r->flags |= FLAG_KERNEL_THREAD;
	else if (t->flags & PF_EXITING && memory_is_gone(direct))
		r->flags |= FLAG_EXITING;
	else
		saved_registers(user, r->slot->walk.others, direct);
	/* A thread that the kernel runs for a process (io_uring) has its creator's registers, except for these two. */
	if (!user->ip && !user->sp)
		user->user = false;
}

/* Whether the current task belongs to the target. Fills in the task's numbers. */
static __always_inline bool find_task(struct run *r, struct task *t)
{
	if (!task_numbers(t)) {
		r->figures->foreign++;
		if (target_kind != TARGET_MACHINE)
			return false;
		r->flags |= FLAG_FOREIGN;
	}
	return is_target(t);
}

/* Samples the current task. `others`: the context that has further registers of the sampled code, if there is one. */
static __always_inline void sample_task(void *ctx, struct run *r, const struct hit *hit,
					const struct event_context *others, const bool direct)
{
	struct registers user = {};
	struct task t = {};

	if (!find_task(r, &t) || !open_log(r, direct))
		return;
	read_task(&t, direct);
	if (t.flags & PF_VCPU && !hit->at.user)
		r->flags |= FLAG_GUEST;
	if (others && hit->at.user && unwind_mode != UNWIND_FRAME_POINTERS) {
		event_others(others, r->slot->walk.others);
		/* Without this, the compiler merges a read of the context and one of a task's registers into one
		 * instruction, which the verifier refuses. */
		asm volatile("" ::: "memory");
	}
	user_registers(r, &t, hit, &user, direct);
	store(ctx, r, &t, hit, &user);
}

static __always_inline void sample_idle(void *ctx, struct run *r, const struct hit *hit, const bool direct)
{
	struct registers user = {};
	struct task t = {};

	r->figures->idle++;
	if (!want_idle || target_kind != TARGET_MACHINE || !open_log(r, direct))
		return;
	r->flags |= FLAG_IDLE | FLAG_KERNEL_THREAD;
	store(ctx, r, &t, hit, &user);
}

/* The run of a perf event. */
static __always_inline int on_event(struct event_context *ctx, __u64 attached, const bool direct)
{
	struct hit hit = {};
	struct run r = {};

	if (!begin_run(&r, attached, direct))
		return 0;
	event_registers(ctx, &hit.at);
	hit.weight = ctx->period;
	if (attached & EVENT_HAS_ADDRESS)
		hit.words[0] = ctx->address;
	if (bpf_get_current_pid_tgid())
		sample_task(ctx, &r, &hit, ctx, direct);
	else
		sample_idle(ctx, &r, &hit, direct);
	end_run(&r, direct);
	return 0;
}

#endif

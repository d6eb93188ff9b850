// SPDX-License-Identifier: Apache-2.0 OR MIT
/* Samples: a perf event on every CPU runs `sample`, which appends one record to the CPU's log. */
#include "who/target.bpf.h"
#include "who/task.bpf.h"
#include "walk/rules.bpf.h"
#include "walk/frame_pointers.bpf.h"

/* The skeleton takes its types from these. */
struct record record_type;
struct walk walk_type;
enum limits limits_type;
enum trust trust_type;
enum record_flags flags_type;
enum target_kind kind_type;
enum unwind_mode mode_type;
enum unwind_limits unwind_limits_type;
enum mapping_kind mapping_kind_type;
enum rule_kind rule_kind_type;
enum rule_bits rule_bits_type;
struct space space_type;
struct mapping mapping_type;
struct cache cache_type;
struct chunk chunk_type;
struct rules rules_type;

/* The most frames of a kernel stack that this kernel gives. */
const volatile __u32 kernel_depth = KERNEL_FRAMES;
const volatile bool want_user = true;
const volatile bool want_kernel = true;
const volatile bool want_idle = false;

/* What one run of a program works on. */
struct run {
	struct cpu *cpu;
	struct log *log;
	struct walk *walk;
	__u32 index; /* the CPU's */
	__u32 level;
	__u64 generation;
	__u64 start; /* word of the record */
	__u32 flags;
};

/* Whether this CPU already stored the stack in this generation; if not, it is held for stored from now on. A slot
 * that is overwritten costs a repetition, never a stack. */
static __always_inline bool seen_before(struct run *r, __u64 id)
{
	__u64 word = id ^ (r->generation * 0x9e3779b97f4a7c15ULL);
	__u64 *slot = &r->cpu->seen[id & (SEEN_SLOTS - 1)];

	if (*slot == word)
		return true;
	*slot = word;
	return false;
}

/* The kernel stack goes to `at`; returns the words that it keeps there. */
static __always_inline __u32 kernel_stack(void *ctx, struct run *r, struct record *record, __u64 at)
{
	__u64 *frames = &r->log->words[at & log_mask];
	long bytes = bpf_get_stack(ctx, frames, KERNEL_FRAMES * 8, 0);
	__u32 count = bytes < 0 ? 0 : (__u32)bytes / 8;

	if (!count || count >= kernel_depth)
		r->flags |= FLAG_TRUNCATED_KERNEL;
	if (!count)
		return 0;
	record->kernel_stack = kernel_stack_id(r->walk->log, at, count);
	return seen_before(r, record->kernel_stack) ? 0 : count;
}

/* Walks the user stack from its frame pointer; returns what is to be said of it. */
static __always_inline __u32 walk_user(struct run *r, __u64 limit)
{
	struct walk *w = r->walk;

	if (!w->frame)
		return 0;
	if (w->frame & 7 || w->frame >> ADDRESS_BITS)
		return FLAG_BROKEN;
	for (int i = 0; i < USER_FRAMES / WINDOWS; i++) {
		int goes = walk_windows(r->index, r->level, limit);

		if (goes == WALK_ENDS)
			return 0;
		if (goes == WALK_BREAKS)
			return FLAG_BROKEN;
		if (goes == WALK_CANNOT_READ)
			return FLAG_UNREADABLE;
		if (goes == WALK_TRUNCATES)
			break;
	}
	return FLAG_TRUNCATED_USER;
}

/* What is to be said of a walk by rules that went on so. */
static __always_inline __u32 flags_of(int goes)
{
	switch (goes) {
	case WALK_ENDS:
		return 0;
	case WALK_BREAKS:
		return FLAG_BROKEN;
	case WALK_CANNOT_READ:
		return FLAG_UNREADABLE;
	case WALK_NO_RULE:
		return FLAG_NO_RULE;
	case WALK_UNSUPPORTED:
		return FLAG_UNSUPPORTED;
	case WALK_NO_MAPPING:
		return FLAG_NO_MAPPING;
	case WALK_LOST_REGISTER:
		return FLAG_LOST_REGISTER;
	default:
		return FLAG_TRUNCATED_USER;
	}
}

/* Walks the user stack by rules; returns what is to be said of it. */
static __always_inline __u32 walk_rules(struct run *r, const struct registers *regs, __u64 limit)
{
	struct walk *w = r->walk;
	int goes = WALK_GOES_ON;

	w->ip = regs->ip;
	w->sp = regs->sp;
	w->fp = regs->fp;
	w->spare = regs->spare;
	w->known = KNOWN_FP | KNOWN_SPARE | KNOWN_OTHERS;
	w->after = regs->behind;
	w->base = 0;
	w->flags = 0;
	for (int i = 0; i < RULE_CALLS; i++) {
		goes = walk_by_rules(r->index, r->level, limit);
		if (goes)
			break;
	}
	return flags_of(goes) | w->flags;
}

/* Walks the user stack in the way that is asked for and possible. */
static __always_inline __u32 walk(struct run *r, const struct task *t, const struct registers *regs, __u64 limit)
{
	if (unwind_mode != UNWIND_FRAME_POINTERS) {
		find_space(r->walk, t);
		if (r->walk->space_key)
			return walk_rules(r, regs, limit);
		if (unwind_mode == UNWIND_RULES)
			return FLAG_STALE | FLAG_NO_MAPPING;
		return FLAG_STALE | FLAG_FRAME_POINTERS | walk_user(r, limit);
	}
	return FLAG_FRAME_POINTERS | walk_user(r, limit);
}

/* The user stack goes to `at`; returns the words that it keeps there. */
static __always_inline __u32 user_stack(struct run *r, const struct task *t, const struct registers *regs,
					struct record *record, __u64 at)
{
	struct walk *w = r->walk;
	__u32 flags = FLAG_COMPAT;

	r->log->words[at & log_mask] = (regs->ip & ((1ULL << ADDRESS_BITS) - 1)) | (__u64)TRUST_CONTEXT << TRUST_SHIFT |
				       (__u64)!regs->behind << NEXT_INSTRUCTION_SHIFT;
	w->hash = mix(seed, regs->ip ^ (__u64)!regs->behind << NEXT_INSTRUCTION_SHIFT);
	w->at = at + 1;
	w->frame = regs->fp;
	if (!regs->compat)
		flags = walk(r, t, regs, at + USER_FRAMES);
	r->flags |= flags;
	record->user_stack = stack_id(mix(w->hash, flags));
	return seen_before(r, record->user_stack) ? 0 : w->at - at;
}

static __always_inline void store(void *ctx, struct run *r, const struct task *t, const struct registers *kernel,
				  const struct registers *user, __u64 weight)
{
	__u64 at = r->start + RECORD_WORDS;
	struct record *record = (void *)&r->log->words[r->start & log_mask];

	record->version = RECORD_VERSION;
	record->event = 0;
	record->kernel_frames = 0;
	record->user_frames = 0;
	record->kernel_stack = 0;
	record->user_stack = 0;
	record->time = bpf_ktime_get_ns();
	record->cpu = r->index;
	record->pid = t->pid;
	record->tid = t->tid;
	record->start_boottime = t->start_boottime;
	record->exec_id = t->exec_id;
	record->weight = weight;
	record->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(record->comm, sizeof record->comm);
	if (!kernel->user) {
		r->flags |= FLAG_IN_KERNEL;
		if (want_kernel)
			record->kernel_frames = kernel_stack(ctx, r, record, at);
		at += record->kernel_frames;
	}
	if (want_user && user->user)
		record->user_frames = user_stack(r, t, user, record, at);
	at += record->user_frames;
	record->flags = r->flags;
	r->log->used = at;
}

/* Finds the run's log and checks its room; false: the sample is lost, and counted. */
static __always_inline bool open_log(struct run *r)
{
	__u64 now = generation;
	__u32 key = (now & 1) * logs_a_generation + r->index * levels + r->level;

	r->generation = now;
	r->log = bpf_map_lookup_elem(&logs, &key);
	r->walk = &r->cpu->walk[r->level & (LEVELS - 1)];
	r->walk->log = key;
	if (!r->log)
		return false;
	r->start = r->log->used;
	if (r->start + RECORD_MOST > log_mask) {
		r->cpu->full++;
		return false;
	}
	return true;
}

/* The registers with which the current task entered the kernel. */
static __always_inline void saved_registers(struct registers *r, __u64 *others, const bool direct)
{
	if (direct) {
		struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

		SAVED_REGISTERS(r, regs, DIRECT);
		if (unwind_mode != UNWIND_FRAME_POINTERS)
			SAVED_OTHERS(others, regs, DIRECT);
	} else {
		struct task_struct *task = (void *)bpf_get_current_task();
		struct pt_regs *regs = (void *)((char *)BPF_CORE_READ(task, stack) + THREAD_STACK);

		regs = (void *)((char *)regs - bpf_core_type_size(struct pt_regs));
		SAVED_REGISTERS(r, regs, HELPED);
		if (unwind_mode != UNWIND_FRAME_POINTERS)
			SAVED_OTHERS(others, regs, HELPED);
	}
}

static __always_inline void sample_task(struct event_context *ctx, struct run *r, const bool direct)
{
	struct registers kernel = {}, user = {};
	struct task t = {};

	if (!task_numbers(&t)) {
		r->cpu->foreign++;
		if (target_kind != TARGET_MACHINE)
			return;
		r->flags |= FLAG_FOREIGN;
	}
	if (!is_target(&t) || !open_log(r))
		return;
	read_task(&t, direct);
	event_registers(ctx, &kernel);
	if (t.flags & PF_VCPU && !kernel.user)
		r->flags |= FLAG_GUEST;
	if (kernel.user) {
		user = kernel;
		if (unwind_mode != UNWIND_FRAME_POINTERS)
			event_others(ctx, r->walk->others);
	} else if (t.flags & PF_KTHREAD)
		r->flags |= FLAG_KERNEL_THREAD;
	else if (t.flags & PF_EXITING && memory_is_gone(direct))
		r->flags |= FLAG_EXITING;
	else
		saved_registers(&user, r->walk->others, direct);
	/* The kernel gives threads that it runs for a process (io_uring's) their creator's registers, but for these. */
	if (!user.ip && !user.sp)
		user.user = false;
	store(ctx, r, &t, &kernel, &user, ctx->period);
}

static __always_inline void sample_idle(struct event_context *ctx, struct run *r)
{
	struct registers kernel = {}, user = {};
	struct task t = {};

	r->cpu->idle++;
	if (!want_idle || target_kind != TARGET_MACHINE || !open_log(r))
		return;
	r->flags |= FLAG_IDLE | FLAG_KERNEL_THREAD;
	event_registers(ctx, &kernel);
	store(ctx, r, &t, &kernel, &user, ctx->period);
}

static __always_inline int run(struct event_context *ctx, const bool direct)
{
	struct run r = {.index = bpf_get_smp_processor_id()};

	r.cpu = bpf_map_lookup_elem(&cpus, &r.index);
	if (!r.cpu)
		return 0;
	r.cpu->runs++;
	r.level = r.cpu->level;
	if (r.level >= levels) {
		r.cpu->nested++;
		return 0;
	}
	/* Full barriers on x86-64: who reads the logs of the generation before waits until no CPU is above level 0. */
	__sync_fetch_and_add(&r.cpu->level, 1);
	if (bpf_get_current_pid_tgid())
		sample_task(ctx, &r, direct);
	else
		sample_idle(ctx, &r);
	__sync_fetch_and_add(&r.cpu->level, -1);
	return 0;
}

SEC("perf_event")
int sample(struct event_context *ctx)
{
	return run(ctx, true);
}

/* For kernels before 5.15. */
SEC("perf_event")
int sample_helped(struct event_context *ctx)
{
	return run(ctx, false);
}

/* Tasks born of the target belong to it; a number that is used again does not. */
SEC("raw_tracepoint/sched_process_fork")
int follow(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
	__u8 *from, *to;

	if (target_kind != TARGET_THREADS) {
		parent = BPF_CORE_READ(parent, group_leader);
		child = BPF_CORE_READ(child, group_leader);
	}
	from = target_byte(task_number(parent));
	to = target_byte(task_number(child));
	if (from && to)
		*to = *from;
	return 0;
}

/* A process that becomes another program has other mappings: its address space has no tables any more. */
SEC("raw_tracepoint/sched_process_exec")
int forget(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)ctx->args[0], group_leader);
	struct space *s = slot_of(task_number(leader), BPF_CORE_READ(leader, start_boottime) / START_UNIT);

	if (s)
		*(volatile __u64 *)&s->key = 0;
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

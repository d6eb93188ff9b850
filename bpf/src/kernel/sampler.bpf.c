// SPDX-License-Identifier: Apache-2.0 OR MIT
/* The programs. Events of all kinds run the sampling programs; each run appends one record to a log of its CPU. */
#include "sample.bpf.h"

/* The skeleton takes its types from these declarations. */
struct record record_type;
struct kept kept_type;
struct slot slot_type;
struct walk walk_type;
enum limits limits_type;
enum trust trust_type;
enum frame_kind frame_kind_type;
enum event_bits event_bits_type;
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
struct runtimes runtimes_type;
struct v8 v8_type;
struct hotspot hotspot_type;
struct hotspot_block hotspot_block_type;
enum hotspot_sizes hotspot_sizes_type;
enum runtime_limits runtime_limits_type;
enum runtime_number runtime_number_type;
enum python_way python_way_type;

/* Perf events. The attachment passes the event's number. */
SEC("perf_event")
int sample(struct event_context *ctx)
{
	return on_event(ctx, bpf_get_attach_cookie(ctx), true);
}

/* Before 5.15, an attachment passes nothing, and each event has a copy of this program. */
const volatile __u64 event_of_this_copy = 0;

SEC("perf_event")
int sample_helped(struct event_context *ctx)
{
	return on_event(ctx, event_of_this_copy, false);
}

/* Always empty. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} no_programs SEC(".maps");

/* A uprobe: a call of a user function. Such runs can be preempted (6.0). From 6.13 on, the kernel gives a program with
 * many variables one stack for each CPU, and a run that is preempted would share it with the next one. A program that
 * can call another one (a tail call) keeps its variables on the task's stack, so there is such a call, to nothing. */
SEC("uprobe")
int sample_call(void *ctx)
{
	struct hit hit = {.weight = 1};
	struct run r = {};

	if (!begin_run(&r, bpf_get_attach_cookie(ctx), true))
		return 0;
	saved_registers(&hit.at, r.slot->walk.others, true);
	sample_task(ctx, &r, &hit, 0, true);
	end_run(&r, true);
	bpf_tail_call(ctx, &no_programs, 0);
	return 0;
}

/* A task that the target starts belongs to the target. A task of others that reuses an id does not. */
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

/* A process that calls exec has new mappings, so its address space loses its tables. */
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

// SPDX-License-Identifier: Apache-2.0 OR MIT
/* The sampling program, compiled for the machine that it is tested on. The
 * sources are those of the kernel's; only the helpers have stand-ins. */
#include "native.h"

/* What loading makes constant is set before each run. */
#define const
/* clang-format off: it brings a walker along for the programs */
#include "walker.h"
#include "../kernel/sampler.bpf.c"
/* clang-format on */

enum { UPROBES = 128 };

static struct native_machine *machine;
static struct return_instance instances[UPROBES];
static struct uprobe_task uprobes;
static struct mm_struct mm = {.exe_file = (struct file *)&mm};
static struct task_struct parent = {.group_leader = &parent, .mm = &mm};
static struct task_struct task = {.group_leader = &task, .real_parent = &parent, .mm = &mm, .utask = &uprobes};

static struct native_array *array_of(void *map)
{
	struct {
		void *map;
		struct native_array *array;
	} all[] = {{&logs, &machine->logs},	{&slots, &machine->slots},   {&rules, &machine->rules},
		   {&spaces, &machine->spaces}, {&caches, &machine->caches}, {0, 0}};

	for (int i = 0; all[i].map; i++)
		if (all[i].map == map)
			return all[i].array;
	/* Only a chunk's own map is left. */
	return map;
}

static void *bpf_map_lookup_elem(void *map, void *key)
{
	__u32 index = *(__u32 *)key;
	struct native_array *array;

	if (map == &targets)
		return 0;
	if (map == &arena)
		return index < MOST_CHUNKS && machine->chunks[index].entries ? &machine->chunks[index] : 0;
	array = array_of(map);
	return index < array->entries ? array->values + index * array->value_bytes : 0;
}

static bool read_byte(unsigned char *to, __u64 address)
{
	for (__u64 i = 0; i < machine->memory_count; i++) {
		struct native_memory *piece = &machine->memory[i];

		if (address - piece->start < piece->bytes) {
			*to = piece->content[address - piece->start];
			return true;
		}
	}
	return false;
}

/* All or nothing, as the kernel's. */
static long bpf_probe_read_user(void *to, unsigned int size, void *from)
{
	__u64 address = (__u64)from;

	machine->reads++;
	for (__u64 i = 0; i < machine->memory_count; i++) {
		struct native_memory *piece = &machine->memory[i];

		if (address - piece->start < piece->bytes && size <= piece->bytes - (address - piece->start)) {
			__builtin_memcpy(to, piece->content + (address - piece->start), size);
			return 0;
		}
	}
	for (__u32 i = 0; i < size; i++) {
		if (!read_byte((unsigned char *)to + i, address + i)) {
			__builtin_memset(to, 0, size);
			return -14;
		}
	}
	return 0;
}

static long bpf_get_stack(void *context, void *to, unsigned int size, unsigned long long flags)
{
	(void)context, (void)to, (void)size, (void)flags;
	return -14;
}

static long bpf_get_current_comm(void *to, unsigned int size)
{
	__builtin_memset(to, 0, size);
	return 0;
}

static struct task_struct *bpf_get_current_task_btf(void)
{
	return &task;
}

static unsigned long long bpf_get_current_task(void)
{
	return (__u64)&task;
}

static unsigned long long bpf_get_current_pid_tgid(void)
{
	return (__u64)machine->pid << 32 | machine->pid;
}

static unsigned long long bpf_get_current_cgroup_id(void)
{
	return 1;
}

static unsigned long long bpf_ktime_get_ns(void)
{
	return 1;
}

static unsigned int bpf_get_smp_processor_id(void)
{
	return 0;
}

static long bpf_task_pt_regs(struct task_struct *of)
{
	(void)of;
	return 0;
}

/* The first event. */
static unsigned long long bpf_get_attach_cookie(void *context)
{
	(void)context;
	return 0;
}

static long bpf_tail_call(void *context, void *programs, unsigned int index)
{
	(void)context, (void)programs, (void)index;
	return -1;
}

static struct event_context context(void)
{
	struct event_context now = {.sp = machine->sp};

#if defined(__TARGET_ARCH_x86)
	now.cs = USER_CS_64;
	now.ip = machine->ip;
	now.bp = machine->fp;
	now.bx = machine->spare;
	now.r10 = machine->realign;
	now.r13 = machine->realign;
	now.di = machine->realign;
#else
	now.pc = machine->ip;
	now.regs[FRAME_POINTER] = machine->fp;
	now.regs[SPARE_REGISTER] = machine->spare;
#endif
	return now;
}

/* To be called first, and after every change of the machine. */
void native_use(struct native_machine *which)
{
	__u64 count = which->return_count < UPROBES ? which->return_count : UPROBES;

	machine = which;
	log_mask = which->settings.log_mask;
	logs_a_generation = 1;
	unwind_mode = which->settings.unwind_mode;
	want_guess = which->settings.want_guess;
	has_test_runtime = which->settings.has_test_runtime;
	seed = 0x123456789abcdefULL;
	multiplier = 0x9e3779b97f4a7c15ULL;
	task.pid = task.tgid = which->pid;
	parent.pid = which->parent;
	task.flags = which->parent ? PF_FORKNOEXEC : 0;
	task.start_boottime = parent.start_boottime = which->start;
#if defined(__TARGET_ARCH_x86)
	task.thread.fsbase = which->thread_pointer;
#endif
	uprobes.return_instances = count ? instances : 0;
	for (__u64 i = 0; i < count; i++)
		instances[i] = (struct return_instance){.stack = which->returns[i].stack,
							.orig_ret_vaddr = which->returns[i].original,
							.next = i + 1 < count ? &instances[i + 1] : 0};
}

/* A sample, as the kernel takes it. */
void native_sample(void)
{
	struct event_context now = context();

	sample(&now);
}

static struct walk *walk_of_this(void)
{
	return &((struct slot *)machine->slots.values)->walk;
}

/* The process's tables; whether it has any. */
static bool find_tables(struct walk *w)
{
	struct task t = {.pid = machine->pid, .flags = task.flags, .start_boottime = machine->start};

	find_space(w, &t);
	return w->space_key != 0;
}

/* A walk by rules that stops at each frame: the first step. What is to be said
 * of the walk is given back, that it is truncated if it goes on; where the
 * process has no tables, nothing is done. */
__u32 native_first_step(void)
{
	struct event_context now = context();
	struct run r = {.slot = (struct slot *)machine->slots.values};
	struct walk *w = &r.slot->walk;
	struct registers regs = {0};

	event_registers(&now, &regs);
	event_others(&now, w->others);
	w->log = 0;
	w->at = 1;
	return find_tables(w) ? walk_rules(&r, &regs, 2) : 0;
}

/* The next step of that walk, likewise. */
__u32 native_next_step(void)
{
	struct walk *w = walk_of_this();

	return flags_of(walk_by_rules(0, w->at + 1)) | w->flags;
}

/* The rule of an address. */
__u64 native_rule(__u64 address)
{
	struct walk *w = walk_of_this();

	if (!find_tables(w))
		return NO_MAPPING;
	w->look_up = address;
	return find_rule(0);
}

bool native_is_call_before(__u64 word)
{
	return is_call_before(word);
}

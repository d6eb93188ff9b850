/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Facts about a task. They are read directly if the kernel lets programs follow a task's pointers (5.15), else by
 * helper. */
#ifndef TASK_BPF_H
#define TASK_BPF_H

#include "arch.bpf.h"
#include "sampler.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* The reader's PID namespace. */
const volatile __u32 namespace_inum = 0;
const volatile bool namespace_is_first = true;

enum {
	NAMESPACE_LEVELS = 32, /* the kernel's own limit */
};

struct task {
	__u32 flags;
	__u32 pid; /* in the reader's namespace; 0: not visible there */
	__u32 tid;
	__u64 start_boottime;
	__u64 exec_id;
};

#define DIRECT(p, field) ((p)->field)
#define HELPED(p, field) BPF_CORE_READ(p, field)

/* The number of a task in the reader's PID namespace; 0: it has none there. */
static __always_inline __u32 number_in_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	__u64 stride = bpf_core_type_size(struct upid);
	const char *numbers = (const char *)&pid->numbers[0];

	for (int i = 0; i < NAMESPACE_LEVELS; i++) {
		struct upid *number = (struct upid *)(numbers + stride * i);

		if (i > level)
			break;
		if (BPF_CORE_READ(number, ns, ns.inum) == namespace_inum)
			return BPF_CORE_READ(number, nr);
	}
	return 0;
}

/* The number of a task as the reader sees it; 0: it has none. */
static __always_inline __u32 task_number(struct task_struct *task)
{
	return namespace_is_first ? BPF_CORE_READ(task, pid) : number_in_namespace(task);
}

/* Fills in the current task's numbers as the reader sees them. False: it has none. */
static __always_inline bool task_numbers(struct task *t)
{
	__u64 both = bpf_get_current_pid_tgid();
	struct task_struct *task;

	if (namespace_is_first) {
		t->pid = both >> 32;
		t->tid = (__u32)both;
		return true;
	}
	task = (void *)bpf_get_current_task();
	t->tid = number_in_namespace(task);
	t->pid = number_in_namespace(BPF_CORE_READ(task, group_leader));
	return t->pid != 0;
}

/* Fills in the other facts about the current task. */
static __always_inline void read_task(struct task *t, const bool direct)
{
	if (direct) {
		struct task_struct *task = bpf_get_current_task_btf();

		t->flags = task->flags;
		t->start_boottime = task->group_leader->start_boottime;
		t->exec_id = task->group_leader->self_exec_id;
	} else {
		struct task_struct *task = (void *)bpf_get_current_task();

		t->flags = BPF_CORE_READ(task, flags);
		t->start_boottime = BPF_CORE_READ(task, group_leader, start_boottime);
		t->exec_id = BPF_CORE_READ(task, group_leader, self_exec_id);
	}
}

/* The current task's pointer to its own data, as pthread_self gives it. It is that of the last switch of tasks, and
 * threads don't change it. */
static __always_inline __u64 thread_pointer(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

#if defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ(task, thread.uw.tp_value);
#else
	return BPF_CORE_READ(task, thread.fsbase);
#endif
}

/* Whether the current task, which is ending, has given up its address space. Then there is no user stack any more. */
static __always_inline bool memory_is_gone(const bool direct)
{
	if (direct)
		return !bpf_get_current_task_btf()->mm;
	return !BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), mm);
}

#endif

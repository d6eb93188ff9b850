/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The registers of a task's user code at its entry into the kernel. */
#ifndef REGISTERS_BPF_H
#define REGISTERS_BPF_H

#include "arch.bpf.h"
#include "maps.bpf.h"
#include "who/task.bpf.h"

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

#endif

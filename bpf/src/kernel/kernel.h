/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The few kernel types that the programs use. Their fields are found by name when the programs are loaded (CO-RE). */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_F_MMAPABLE = 1 << 10,
};

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct file;

struct mm_struct {
	struct file *exe_file;
};

/* A function that a uprobe watches for its return: the place of its return address, and that address. */
struct return_instance {
	unsigned long stack;
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
};

#if defined(__TARGET_ARCH_arm64)
struct thread_struct {
	struct {
		unsigned long tp_value;
	} uw;
};
#else
struct thread_struct {
	unsigned long fsbase;
};
#endif

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	void *stack;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	struct pid *thread_pid;
	struct uprobe_task *utask;
	struct thread_struct thread;
};

#pragma clang attribute pop

enum task_flags {
	PF_VCPU = 0x00000001,
	PF_EXITING = 0x00000004,
	PF_FORKNOEXEC = 0x00000040,
	PF_KTHREAD = 0x00200000,
};

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* In place of libbpf's: what the programs call of the kernel, on recorded
 * machines. */
#ifndef BPF_HELPERS_H
#define BPF_HELPERS_H

#define SEC(name)
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) __typeof__(value) *name
#define __array(name, value) __typeof__(value) *name[]

struct task_struct;

static void *bpf_map_lookup_elem(void *map, void *key);
static long bpf_probe_read_user(void *to, unsigned int size, void *from);
static long bpf_get_stack(void *context, void *to, unsigned int size, unsigned long long flags);
static long bpf_get_current_comm(void *to, unsigned int size);
static struct task_struct *bpf_get_current_task_btf(void);
static unsigned long long bpf_get_current_task(void);
static unsigned long long bpf_get_current_pid_tgid(void);
static unsigned long long bpf_get_current_cgroup_id(void);
static unsigned long long bpf_ktime_get_ns(void);
static unsigned int bpf_get_smp_processor_id(void);
static long bpf_task_pt_regs(struct task_struct *task);
static unsigned long long bpf_get_attach_cookie(void *context);
static long bpf_tail_call(void *context, void *programs, unsigned int index);

#endif

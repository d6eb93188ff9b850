// SPDX-License-Identifier: Apache-2.0 OR MIT
/* The names of kernel addresses as the kernel itself prints them (5.14). */
#include "kernel.h"
#include "names.h"
#include <bpf/bpf_helpers.h>

struct name asked[ADDRESSES];
__u32 count;

static const char format[] = "%pS";

SEC("syscall")
int print(void *unused)
{
	(void)unused;
	for (__u32 i = 0; i < ADDRESSES; i++) {
		if (i >= count)
			break;
		bpf_snprintf(asked[i].text, NAME_BYTES, format, &asked[i].address, sizeof(asked[i].address));
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

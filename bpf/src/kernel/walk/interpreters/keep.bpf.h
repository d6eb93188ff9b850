/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Keeps what names an object of an interpreter at its first sample: code that runs once is freed within milliseconds.
 */
#ifndef KEEP_BPF_H
#define KEEP_BPF_H

#include "walk/interpreters/object.bpf.h"

enum {
	PAGE_BYTES = 4096, /* of the smallest pages */
};

/* Notes an object, unless this slot has met it. An object that takes another one's place may be noted again. */
static __always_inline void note_object(struct slot *slot, __u64 object, __u64 check)
{
	struct walk *w = &slot->walk;
	__u64 hash = (object ^ check << CHECK_SHIFT ^ w->space_key) * 0x9e3779b97f4a7c15ULL;
	__u8 *place = &slot->kept[hash >> 53 & (KEPT_SEEN - 1)];
	__u8 part = hash >> 40 | 1;
	__u32 at = w->keeps;

	if (*place == part || at >= KEPT_OBJECTS)
		return;
	*place = part;
	w->keep[at].object = object;
	w->keep[at].check = check;
	w->keeps = at + 1;
}

/* Reads a text, or the part of it that is on its first page. */
static __always_inline void keep_text(unsigned char *to, __u32 bytes, __u64 address)
{
	__u64 rest = PAGE_BYTES - (address & (PAGE_BYTES - 1));

	if (!bpf_probe_read_user(to, bytes, (void *)address))
		return;
	asm volatile("" : "+r"(rest));
	if (rest < bytes)
		bpf_probe_read_user(to, rest, (void *)address);
}

/* Writes the objects that the walk has noted, from a word of the log on. Returns how many. Half of the log is for
 * samples alone. This is a global function, so that it is verified once. */
__noinline int keep_objects(__u32 key, __u64 at)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct log *log;
	struct walk *w;
	int kept = 0;

	if (!slot)
		return 0;
	w = &slot->walk;
	log = bpf_map_lookup_elem(&logs, &w->log);
	if (!log)
		return 0;
	for (int i = 0; i < KEPT_OBJECTS; i++) {
		struct kept *to = (void *)&log->words[(at + i * KEPT_WORDS) & log_mask];
		__u64 object = w->keep[i].object;

		if (i >= w->keeps || at + (i + 1) * KEPT_WORDS > log_mask / 2)
			break;
		to->object = (object & ((1ULL << ADDRESS_BITS) - 1)) | (__u64)RUNTIME_PYTHON << FRAME_KIND_SHIFT;
		to->check = w->keep[i].check << CHECK_SHIFT;
		bpf_probe_read_user(to->bytes, sizeof to->bytes, (void *)object);
		keep_text(to->name, sizeof to->name, user_word(object + w->python.facts.kept_name));
		keep_text(to->file, sizeof to->file, user_word(object + w->python.facts.kept_file));
		kept++;
	}
	return kept;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Frames that are no addresses. If a walk reaches an interpreter's loop, that interpreter's walker adds the frames that
 * the loop runs, behind the loop's own frame, innermost first. The registers are still the loop's, and w->cfa is its
 * frame address. A walker is a file beside this one and a case here. Native tests have one more. */
#ifndef INTERPRETED_BPF_H
#define INTERPRETED_BPF_H

#include "walk/find_rule.bpf.h"
#include "walk/frame_pointers.bpf.h"
#include "walk/interpreters/hotspot.bpf.h"
#include "walk/interpreters/python.bpf.h"
#include "walk/interpreters/v8.bpf.h"

/* Adds the frames of the interpreter whose loop the walk is in. Returns whether and why the walk ends. This is a global
 * function, so that it is verified once. */
__noinline int interpreted_frames(__u32 key, __u64 limit)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct mapping *mapping;
	struct walk *w;
	struct log *log;

	if (!slot)
		return WALK_BREAKS;
	w = &slot->walk;
	log = bpf_map_lookup_elem(&logs, &w->log);
	mapping = mapping_of(w, w->ip - w->after);
	if (!log || !mapping)
		return WALK_GOES_ON;
	switch ((mapping->pages_and_kind >> KIND_SHIFT) - MAPPING_INTERPRETERS) {
	case RUNTIME_HOTSPOT:
		return hotspot_frame(w, log);
	case RUNTIME_PYTHON:
		return python_frames(w, log, key, limit);
	case RUNTIME_V8:
		return v8_frames(w, log, limit, is_run_time(mapping));
#ifdef WALKERS
		WALKERS
#endif
	default:
		return WALK_GOES_ON;
	}
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The frames of CPython. Each thread has a list of them, innermost first. A native frame of the interpreter's loop runs
 * one of them or several; the structures say where its run ends. */
#ifndef PYTHON_BPF_H
#define PYTHON_BPF_H

#include "walk/find_rule.bpf.h"
#include "walk/interpreters/keep.bpf.h"
#include "walk/interpreters/object.bpf.h"
#include "walk/interpreters/push.bpf.h"

enum {
	PYTHON_FRAMES = 8,    /* the frames in a call of python_run, which are verified one by one */
	PYTHON_RUNS = 128,    /* the calls for one native frame */
	PYTHON_THREADS = 512, /* the interpreters and threads of a process that are searched */
	PYTHON_SHIM = 3,      /* frames of this owner and further ones run nothing */
	STACK_REFERENCE = 7,  /* bits of a reference that are no part of an address (3.14) */
	RUN_GOES_ON = 0,
	RUN_ENDS = 1,
	RUN_TRUNCATES = 2,
	RUN_FAILS = 3,
	THREAD_NONE = 0,
	THREAD_OTHER = 1,
	THREAD_FOUND = 2,
};

/* The check of a code object, from the part of it that has been read. User space computes the same. */
static __always_inline __u32 python_check(const struct walk *w)
{
	const struct python *facts = &w->python.facts;
	__u64 name = object_word(w, facts->name), table = object_word(w, facts->table);
	__u64 line = object_half(w, facts->line);

	return ((name ^ (table + line) * 0x9e3779b97f4a7c15ULL) * 0x9e3779b97f4a7c15ULL) >> 32;
}

/* The first frame of a thread, or the record that leads to it; 0: it has none. */
static __always_inline __u64 python_first(const struct python *facts, __u64 thread)
{
	__u64 first = user_word(thread + facts->thread_frame), frame;

	if (!first || !facts->has_run)
		return first;
	frame = user_word(first + facts->run_frame);
	if (!frame)
		return 0;
	return facts->way == PYTHON_BY_ENTRY ? first : frame;
}

/* Moves on to the next thread of the process. Returns whether it is the current one, and has frames. This is a global
 * function, so that it is verified once. */
__noinline int next_python_thread(__u32 key)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct python_walk *p;

	if (!slot)
		return THREAD_NONE;
	p = &slot->walk.python;
	if (p->thread) {
		p->thread = user_word(p->thread + p->facts.next_thread);
	} else {
		if (!p->interpreter)
			return THREAD_NONE;
		p->thread = user_word(p->interpreter + p->facts.first_thread);
		p->interpreter = user_word(p->interpreter + p->facts.next_interpreter);
	}
	if (!p->thread || user_word(p->thread + p->facts.thread_id) != p->pointer)
		return THREAD_OTHER;
	p->next = python_first(&p->facts, p->thread);
	return p->next ? THREAD_FOUND : THREAD_OTHER;
}

/* Finds the current thread among the rest of the process's threads. */
static __always_inline void search_python_thread(struct python_walk *p, __u32 key)
{
	for (int i = 0; i < PYTHON_THREADS; i++) {
		int found = next_python_thread(key);

		if (found == THREAD_FOUND)
			return;
		if (found == THREAD_NONE)
			break;
	}
	p->next = 0;
	p->state = PYTHON_ABSENT;
}

/* Finds the current thread's frames. A thread of a process with one interpreter is remembered. Several interpreters may
 * have a thread for it; then the newest one with frames comes first. This is a global function, so that it is verified
 * once. */
__noinline int find_python_thread(__u32 key)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct known_thread *known;
	struct python_walk *p;
	__u64 first, tag;

	if (!slot)
		return 0;
	p = &slot->walk.python;
	if (!read_facts((__u32 *)&p->facts, PYTHON_WORDS, slot->walk.runtimes, RUNTIME_PYTHON)) {
		p->state = PYTHON_ABSENT;
		return 0;
	}
	p->pointer = thread_pointer();
	p->skipped = 0;
	p->state = PYTHON_FOUND;
	tag = p->pointer ^ slot->walk.space_key;
	known = &slot->threads[tag * 0x9e3779b97f4a7c15ULL >> 58 & (THREADS - 1)];
	first = user_word(p->facts.interpreters);
	if (known->tag == tag && known->first == first && user_word(known->thread + p->facts.thread_id) == p->pointer) {
		p->thread = known->thread;
		p->interpreter = 0;
		p->next = python_first(&p->facts, p->thread);
		if (!p->next)
			p->state = PYTHON_ABSENT;
		return 0;
	}
	p->thread = 0;
	p->interpreter = first;
	search_python_thread(p, key);
	if (p->state == PYTHON_FOUND && !user_word(first + p->facts.next_interpreter)) {
		known->tag = tag;
		known->thread = p->thread;
		known->first = first;
	}
	return 0;
}

/* Adds one frame and moves on to its caller. Returns whether the run ends with it. */
static __always_inline int python_frame(struct slot *slot, struct log *log)
{
	struct walk *w = &slot->walk;
	const struct python *facts = &w->python.facts;
	__u64 frame = w->python.next, code, instruction, previous;
	__u8 kind;

	if (!frame)
		return RUN_ENDS;
	if (!read_frame(w, frame, facts->frame_bytes))
		return RUN_FAILS;
	code = frame_word(w, frame + facts->code) & ~(__u64)STACK_REFERENCE;
	previous = frame_word(w, frame + facts->previous);
	instruction = frame_word(w, frame + facts->position);
	kind = frame_byte(w, frame + facts->kind);
	w->python.next = previous;
	if (facts->way == PYTHON_BY_SHIM && kind >= PYTHON_SHIM) {
		w->python.shim = frame;
		return RUN_ENDS;
	}
	if (facts->way == PYTHON_BY_LOOP)
		instruction = (__u32)instruction;
	else
		instruction -= code + facts->instructions;
	if (code && code != w->python.code) {
		w->python.code = code;
		w->python.check = 0;
		if (read_object(w, code + facts->check_from, facts->check_bytes)) {
			w->python.check = python_check(w);
			note_object(slot, code, w->python.check);
		}
	}
	if (code)
		push_interpreted(w, log, RUNTIME_PYTHON, code, instruction, w->python.check);
	if (facts->way == PYTHON_BY_LOOP || (facts->way == PYTHON_BY_ENTRY && kind))
		return RUN_ENDS;
	return RUN_GOES_ON;
}

/* Adds some frames, until the run of the present native frame ends, or a frame reaches `limit`. This is a global
 * function, so that it is verified once. */
__noinline int python_run(__u32 key, __u64 limit)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct walk *w;
	struct log *log;

	if (!slot)
		return RUN_FAILS;
	w = &slot->walk;
	log = bpf_map_lookup_elem(&logs, &w->log);
	if (!log)
		return RUN_FAILS;
	for (int i = 0; i < PYTHON_FRAMES; i++) {
		int goes = python_frame(slot, log);

		if (goes)
			return goes;
		if (w->at >= limit)
			return RUN_TRUNCATES;
	}
	return RUN_GOES_ON;
}

static __always_inline bool on_stack(const struct walk *w, __u64 address)
{
	return address >= w->sp && address < w->cfa;
}

/* There are no frames left for this native frame of the loop: another interpreter may have some. Up to 3.10, nothing
 * says which native frame runs which frame. If the first one was being set up or left, the frames stand one native
 * frame too far inside; a frame of no code says so to user space. */
static __always_inline void python_ends(struct walk *w, struct log *log, __u32 key)
{
	search_python_thread(&w->python, key);
	if (w->python.state == PYTHON_ABSENT && w->python.facts.way == PYTHON_BY_LOOP)
		push_interpreted(w, log, RUNTIME_PYTHON, 0, 0, 0);
}

/* Adds the frames that the present native frame of the loop runs. A native frame that is being set up or left runs
 * none: what the structures have then belongs to its caller. */
static __always_inline int python_frames(struct walk *w, struct log *log, __u32 key, __u64 limit)
{
	struct python_walk *p = &w->python;
	__u64 at = w->at, hash = w->hash, run, before;
	int goes = RUN_GOES_ON;

	if (p->state == PYTHON_NOT_SEARCHED)
		find_python_thread(key);
	else if (p->state == PYTHON_FOUND && !p->next)
		python_ends(w, log, key);
	if (p->state != PYTHON_FOUND)
		return WALK_GOES_ON;
	before = run = p->next;
	if (p->facts.way == PYTHON_BY_ENTRY) {
		if (!on_stack(w, run))
			return WALK_GOES_ON;
		p->next = user_word(run + p->facts.run_frame);
		before = user_word(run + p->facts.run_previous);
	}
	p->shim = 0;
	for (int i = 0; i < PYTHON_RUNS && !goes; i++)
		goes = python_run(key, limit);
	if (goes == RUN_FAILS) {
		w->flags |= FLAG_NO_FUNCTIONS;
		p->state = PYTHON_ABSENT;
		return WALK_GOES_ON;
	}
	if (goes != RUN_ENDS)
		return WALK_TRUNCATES;
	if (p->facts.way == PYTHON_BY_ENTRY)
		p->next = before && user_word(before + p->facts.run_frame) ? before : 0;
	if (p->facts.way == PYTHON_BY_SHIM && p->shim && !on_stack(w, p->shim)) {
		/* Only the innermost one can be in that state; more of them would be read again and again. */
		if (p->skipped)
			p->state = PYTHON_ABSENT;
		p->skipped = 1;
		w->at = at;
		w->hash = hash;
		p->next = before;
	}
	return WALK_GOES_ON;
}

#endif

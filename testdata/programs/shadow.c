// Keeps a shadow call stack of a program by single-stepping it: what a call pushed, and where. It starts the program,
// stops it at its entry, when its libraries are mapped, says `ready PID`, and reads what to do:
//   range START END LIMIT  report instructions in this range, each at most LIMIT times
//   from ADDRESS           step from here on, the first time that it is reached, which must be by a call; without any, step
//                          from the entry on
//   go STEPS               begin; after so many steps from such an address run on to its return
// Then, for each report, a line `at`, the registers in the order of their DWARF numbers, rip, and for each frame, innermost
// first: where its return address lies, that address, rbp and rbx at the call. It goes on when a line is answered. A frame that
// was stepped into at `from` ends with `returned`, or `lost` if it did not return as its shadow says. At last: `end STEPS`.
#include "traced.h"

enum { MOST_FRAMES = 4096, LONGEST_INSTRUCTION = 15 };

struct frame {
	address slot, returns_to, rbp, rbx;
};

struct range {
	address start, end;
	unsigned limit;
	unsigned char *seen;
};

struct from {
	address at;
	unsigned char original;
	enum { UNSET, SET, PASSED, DONE } state;
};

static struct frame frames[MOST_FRAMES];
static struct range *ranges;
static struct from *froms;
static size_t frame_count, range_count, from_count;

// Both structures begin with an address.
static int by_address(const void *one, const void *other)
{
	address a = *(const address *)one, b = *(const address *)other;
	return a < b ? -1 : a > b;
}

static struct from *from_at(address at)
{
	struct from wanted = {.at = at};
	return bsearch(&wanted, froms, from_count, sizeof *froms, by_address);
}

// The range that an address lies in; ranges do not overlap.
static struct range *range_at(address at)
{
	size_t low = 0, high = range_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (ranges[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < range_count && ranges[low].start <= at ? &ranges[low] : NULL;
}

// A breakpoint was reached: the program goes on without it.
static void pass(struct user_regs_struct *now, struct from *from, int done)
{
	put_byte(from->at, from->original);
	from->state = done ? DONE : PASSED;
	go_back_to(now, from->at);
}

// Sets all breakpoints but those whose function was followed.
static void set_breakpoints(void)
{
	for (size_t i = 0; i < from_count; i++) {
		if (froms[i].state == UNSET || froms[i].state == PASSED) {
			froms[i].original = set_breakpoint(froms[i].at);
			froms[i].state = SET;
		}
	}
}

// Reads what to do; how many steps at once.
static unsigned long long orders(void)
{
	char line[128];
	unsigned long long most = 0;
	while (fgets(line, sizeof line, stdin)) {
		struct range range;
		address at;
		if (sscanf(line, "range %llx %llx %u", &range.start, &range.end, &range.limit) == 3) {
			range.seen = calloc(range.end - range.start, 1);
			ranges = realloc(ranges, (range_count + 1) * sizeof *ranges);
			ranges[range_count++] = range;
		} else if (sscanf(line, "from %llx", &at) == 1) {
			froms = realloc(froms, (from_count + 1) * sizeof *froms);
			froms[from_count++] = (struct from){.at = at};
		} else if (sscanf(line, "go %llu", &most) == 1) {
			return most;
		}
	}
	exit(2);
}

static void report(const struct user_regs_struct *now)
{
	printf("at %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx %llx", now->rax, now->rdx,
	       now->rcx, now->rbx, now->rsi, now->rdi, now->rbp, now->rsp, now->r8, now->r9, now->r10, now->r11, now->r12,
	       now->r13, now->r14, now->r15, now->rip);
	for (size_t i = frame_count; i-- > 0;)
		printf(" %llx %llx %llx %llx", frames[i].slot, frames[i].returns_to, frames[i].rbp, frames[i].rbx);
	printf("\n");
	char line[16];
	if (!fgets(line, sizeof line, stdin))
		exit(2);
}

static void report_if_asked(const struct user_regs_struct *now)
{
	struct range *range = range_at(now->rip);
	if (!range || frame_count == 0)
		return;
	unsigned char *seen = &range->seen[now->rip - range->start];
	if (*seen < range->limit) {
		++*seen;
		report(now);
	}
}

static void push(const struct user_regs_struct *at_call, address slot, address returns_to)
{
	if (frame_count == MOST_FRAMES)
		fail("too deep a stack");
	frames[frame_count++] = (struct frame){slot, returns_to, at_call->rbp, at_call->rbx};
}

// One instruction. A call is what pushes the address behind itself and goes elsewhere; a frame is gone when the stack pointer
// is above its return address.
static struct user_regs_struct step(const struct user_regs_struct *before)
{
	steps++;
	resume(PTRACE_SINGLESTEP);
	struct user_regs_struct now = registers();
	struct from *from = from_at(now.rip - 1);
	if (from && from->state == SET && now.rip - 1 == before->rip) {
		// Not the instruction, but a breakpoint on it.
		pass(&now, from, 0);
		return now;
	}
	while (frame_count > 0 && frames[frame_count - 1].slot < now.rsp)
		frame_count--;
	if (now.rsp == before->rsp - 8) {
		address pushed = word_at(now.rsp);
		if (pushed > before->rip && pushed <= before->rip + LONGEST_INSTRUCTION && now.rip != pushed)
			push(before, now.rsp, pushed);
	}
	return now;
}

// Runs on until the outermost frame has returned.
static void run_to_return(struct frame outermost)
{
	unsigned char original = set_breakpoint(outermost.returns_to);
	struct user_regs_struct now;
	do {
		resume(PTRACE_CONT);
		now = registers();
		if (now.rip - 1 != outermost.returns_to) {
			// Another function's breakpoint.
			struct from *from = from_at(now.rip - 1);
			if (!from)
				fail("a trap of its own");
			pass(&now, from, 0);
			continue;
		}
		put_byte(outermost.returns_to, original);
		go_back_to(&now, outermost.returns_to);
		if (now.rsp <= outermost.slot) {
			// A recursion's return: on with one step, then again.
			resume(PTRACE_SINGLESTEP);
			put_byte(outermost.returns_to, BREAKPOINT);
		}
	} while (now.rip != outermost.returns_to || now.rsp <= outermost.slot);
	printf("%s\n", now.rsp == outermost.slot + 8 ? "returned" : "lost");
}

// Follows a function from its entry to its return.
static void follow(struct user_regs_struct now, unsigned long long most)
{
	frame_count = 0;
	push(&now, now.rsp, word_at(now.rsp));
	struct frame outermost = frames[0];
	for (unsigned long long i = 0; i < most && frame_count > 0; i++) {
		report_if_asked(&now);
		now = step(&now);
	}
	if (frame_count > 0)
		run_to_return(outermost);
	else
		printf("%s\n", now.rip == outermost.returns_to && now.rsp == outermost.slot + 8 ? "returned" : "lost");
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	// Who gives orders waits for every line.
	setvbuf(stdout, NULL, _IOLBF, 0);
	start(argv + 1);
	run_to_entry();
	printf("ready %d\n", child);
	unsigned long long most = orders();
	qsort(froms, from_count, sizeof *froms, by_address);
	qsort(ranges, range_count, sizeof *ranges, by_address);
	struct user_regs_struct now = registers();
	while (from_count == 0) {
		report_if_asked(&now);
		now = step(&now);
	}
	for (;;) {
		set_breakpoints();
		resume(PTRACE_CONT);
		now = registers();
		struct from *from = from_at(now.rip - 1);
		if (!from)
			fail("a trap of its own");
		pass(&now, from, 1);
		follow(now, most);
	}
}

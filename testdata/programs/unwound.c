// Stops in one of many ways, by the first letter of its argument, with a stack that is known. No library, so that its
// tables are small.
void stop(void), bare(void), guessed_at_once(void), guessed_further(void), guessed_framed(void), guessed_height(void), not_guessed(void);
void stub(void), by_lost_register(void), saves_frame_pointer(void);
void by_realign_register(void), by_spare_register(void (*next)(void)), saves_spare_register(void);
void unsupported(void), nowhere(void), framed_first(void);
void restorer(void), interrupted(long pid), deep(int frames), on_a_stack(unsigned long end);

#define APART __attribute__((noinline, noclone))

static long call_kernel(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

// Memory at a place of its own: read, write, execute; private, anonymous, fixed.
static unsigned char *memory_at(unsigned long address, int protection)
{
	return (unsigned char *)call_kernel(9, (long)address, 4096, protection, 0x32, -1, 0);
}

APART void plain(int n)
{
	volatile int kept[20];
	kept[n] = n;
	stop();
	kept[0] = kept[n];
}

APART void calls_plain(int n)
{
	volatile long kept[60];
	kept[n] = n;
	plain(n);
	kept[0] = kept[n];
}

// The size is not known before: the frame address is found by the frame pointer.
APART void variable(int n, void (*next)(void))
{
	volatile char *kept = __builtin_alloca(n);
	kept[0] = 1;
	next();
	kept[1] = kept[0];
}

// Its address lies in the frame.
APART void aligned(int n)
{
	volatile char *kept = __builtin_alloca(n);
	_Alignas(64) volatile char most[64];
	kept[0] = most[0] = 1;
	stop();
	kept[1] = most[0];
}

APART void handler(int signal)
{
	volatile int kept = signal;
	stop();
	kept++;
}

APART void signals(void)
{
	static char other_stack[8192];
	struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(void);
		unsigned long mask;
	} action = {handler, 0x0c000000, restorer, 0};
	struct {
		void *at;
		int flags;
		unsigned long size;
	} stack = {other_stack, 0, sizeof other_stack};
	call_kernel(131, (long)&stack, 0, 0, 0, 0, 0);
	call_kernel(13, 10, (long)&action, 0, 8, 0, 0);
	interrupted(call_kernel(39, 0, 0, 0, 0, 0, 0));
}

// Code made at run time, with a frame pointer: it stops, or calls what stops.
APART void made(int stops)
{
	static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x90, 0x5d, 0xc3};
	unsigned char *at = memory_at(0x10000000, 7);
	for (unsigned i = 0; i < sizeof code; i++)
		at[i] = code[i];
	if (stops) {
		at[4] = 0xcc;
		at[5] = 0x90;
	}
	((void (*)(void (*)(void)))at)(stop);
}

APART void made_between(void)
{
	volatile int kept = 1;
	made(0);
	kept++;
}

APART void run(const char *which)
{
	volatile long kept[4] = {1};
	switch (*which) {
	case 'p': plain(3); break;
	case 'c': calls_plain(3); break;
	case 'v': variable(300, stop); break;
	case 'a': aligned(3000); break;
	case 't': stub(); break;
	case 's': signals(); break;
	case 'b': bare(); break;
	case 'g': guessed_at_once(); break;
	case 'G': guessed_further(); break;
	case 'n': not_guessed(); break;
	case 'l': variable(300, guessed_at_once); break;
	case 'm': variable(300, guessed_framed); break;
	case 'h': variable(300, guessed_height); break;
	case 'M': variable(300, saves_frame_pointer); break;
	case 'L': by_lost_register(); break;
	case 'j': made(0); break;
	case 'J': made(1); break;
	case 'k': variable(300, made_between); break;
	case 'r': by_realign_register(); break;
	case 'R': by_spare_register(saves_spare_register); break;
	case 'x': by_spare_register(guessed_at_once); break;
	case 'u': unsupported(); break;
	case 'w': nowhere(); break;
	case 'd': deep(1100); break;
	case 'e': on_a_stack((unsigned long)memory_at(0x20000000, 3) + 4096); break;
	case 'E': on_a_stack((unsigned long)memory_at(0x20000000, 3) + 128); break;
	case 'f': framed_first(); break;
	}
	kept[0] = kept[1];
}

/* sample SECONDS: work of several kinds, for a first flame graph: writes, parses and sums numbers, sorts, counts primes, draws a
 * fractal, and touches fresh memory, which is the kernel's work. The C library is left out of it: distributions build it without
 * frame pointers. */
#include "burn.h"
#include <sys/mman.h>

enum { NUMBERS = 3000, MEMORY = 3 << 20 };

static volatile long sink;
static unsigned state = 1;

static NOINLINE unsigned next_random(void)
{
	keep();
	state = state * 1664525u + 1013904223u;
	return state >> 8;
}

static NOINLINE char *write_number(char *to, unsigned number)
{
	if (number >= 10)
		to = write_number(to, number / 10);
	*to = (char)('0' + number % 10);
	return to + 1;
}

static NOINLINE void write_report(char *to)
{
	for (int i = 0; i < NUMBERS; i++) {
		to = write_number(to, next_random());
		*to++ = ',';
	}
	*to = 0;
}

static NOINLINE const char *parse_number(const char *text, long *number)
{
	keep();
	*number = 0;
	while (*text >= '0' && *text <= '9')
		*number = *number * 10 + (*text++ - '0');
	return text;
}

static NOINLINE long sum_report(const char *text)
{
	long sum = 0, number;

	while (*text) {
		text = parse_number(text, &number) + 1;
		sum += number;
	}
	return sum;
}

static NOINLINE long partition(unsigned *list, long count)
{
	unsigned pivot = list[(count - 1) / 2];
	long low = -1, high = count;

	keep();
	for (;;) {
		while (list[++low] < pivot)
			;
		while (list[--high] > pivot)
			;
		if (low >= high)
			return high + 1;
		unsigned swap = list[low];

		list[low] = list[high];
		list[high] = swap;
	}
}

static NOINLINE void sort(unsigned *list, long count)
{
	while (count > 1) {
		long half = partition(list, count);

		sort(list, half);
		list += half;
		count -= half;
	}
}

static NOINLINE void sort_numbers(void)
{
	static unsigned list[4 * NUMBERS];

	for (int i = 0; i < 4 * NUMBERS; i++)
		list[i] = next_random();
	sort(list, 4 * NUMBERS);
	sink += list[0];
}

static NOINLINE void touch(char *memory)
{
	keep();
	for (long at = 0; at < MEMORY; at += 4096)
		memory[at] = 1;
}

static NOINLINE void use_fresh_memory(void)
{
	char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	touch(memory);
	munmap(memory, MEMORY);
}

static NOINLINE int is_prime(int number)
{
	keep();
	for (int divisor = 2; divisor * divisor <= number; divisor++)
		if (number % divisor == 0)
			return 0;
	return number > 1;
}

static NOINLINE void count_primes(int limit)
{
	for (int number = 0; number < limit; number++)
		sink += is_prime(number);
}

static NOINLINE int escape_time(double x, double y)
{
	double re = 0, im = 0;
	int turns = 0;

	keep();
	while (re * re + im * im < 4 && turns < 200) {
		double next = re * re - im * im + x;

		im = 2 * re * im + y;
		re = next;
		turns++;
	}
	return turns;
}

static NOINLINE void draw_row(double y)
{
	for (int column = 0; column < 120; column++)
		sink += escape_time(column / 40.0 - 2, y);
	keep();
}

static NOINLINE void draw_fractal(void)
{
	for (int row = 0; row < 40; row++)
		draw_row(row / 20.0 - 1);
}

static NOINLINE void report(void)
{
	static char text[NUMBERS * 12];

	write_report(text);
	sink += sum_report(text);
}

static NOINLINE void serve(void)
{
	report();
	sort_numbers();
	use_fresh_memory();
	keep();
}

static NOINLINE void compute(void)
{
	count_primes(12000);
	draw_fractal();
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);

	while (now() < end) {
		serve();
		compute();
	}
	return 0;
}

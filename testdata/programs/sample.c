/* sample SECONDS: work of several kinds, for a first flame graph: parses and sums numbers, sorts words, counts primes, draws
 * a fractal, and copies through a pipe. */
#include "burn.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORDS = 2000, NUMBERS = 3000 };

static volatile long sink;

static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static NOINLINE char *write_numbers(char *to, unsigned *state)
{
	for (int i = 0; i < NUMBERS; i++)
		to += sprintf(to, "%u,", next_random(state) % 100000);
	return to;
}

static NOINLINE long sum_numbers(const char *text)
{
	long sum = 0;

	for (const char *field = text; *field; field = strchr(field, ',') + 1)
		sum += strtol(field, NULL, 10);
	return sum;
}

static NOINLINE void parse_report(unsigned *state)
{
	static char text[NUMBERS * 8];

	*write_numbers(text, state) = 0;
	sink += sum_numbers(text);
}

static NOINLINE int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static NOINLINE void sort_words(unsigned *state)
{
	static char words[WORDS][8];
	static char *order[WORDS];

	for (int i = 0; i < WORDS; i++) {
		snprintf(words[i], sizeof words[i], "%x", next_random(state));
		order[i] = words[i];
	}
	qsort(order, WORDS, sizeof order[0], compare_words);
	sink += order[0][0];
}

static NOINLINE int is_prime(int number)
{
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
	for (int column = 0; column < 160; column++)
		sink += escape_time(column / 53.0 - 2, y);
}

static NOINLINE void draw_fractal(void)
{
	for (int row = 0; row < 60; row++)
		draw_row(row / 30.0 - 1);
}

static NOINLINE void copy_through_pipe(int times)
{
	static char block[65536];
	int ends[2];

	if (pipe(ends))
		return;
	for (int i = 0; i < times; i++)
		if (write(ends[1], block, sizeof block) > 0)
			sink += read(ends[0], block, sizeof block);
	close(ends[0]);
	close(ends[1]);
}

static NOINLINE void serve(unsigned *state)
{
	parse_report(state);
	sort_words(state);
	copy_through_pipe(60);
	keep();
}

static NOINLINE void compute(void)
{
	count_primes(15000);
	draw_fractal();
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	unsigned state = 1;

	while (now() < end) {
		serve(&state);
		compute();
	}
	return 0;
}

// Calls assembly that has no unwind rules, so often that each of its ways is taken.
#include <stdio.h>

typedef long function(long);

function leaf, pushes, aligned_in_memory, aligned_in_register, aligned_in_saved_register, dynamic, tails, tables;

// What the assembly calls back: a frame with rules between two without.
long callback(long value);
__attribute__((noinline)) long callback(long value)
{
	static int depth;

	if (depth > 1)
		return value;
	depth++;
	long sum = pushes(value) + aligned_in_memory(value) + 1;
	depth--;
	return sum;
}

int main(void)
{
	// Told to nobody but the compiler: the calls are by a pointer.
	function *volatile all[] = {leaf, pushes, aligned_in_memory, aligned_in_register, aligned_in_saved_register, dynamic, tails, tables};
	long sum = 0;

	for (long round = 0; round < 16; round++)
		for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
			sum += all[i](round);
	printf("%ld\n", sum);
	return 0;
}

/* plugins SECONDS DIRECTORY [hold]: loads DIRECTORY/first.so, runs it, closes it, then the same with second.so, and so on in
 * turns: the two lie at the same address one after the other. With "hold" it keeps first.so. */
#include "burn.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static NOINLINE int load_and_run(const char *path, double until)
{
	void *plugin = dlopen(path, RTLD_NOW);
	void (*run)(void);

	if (!plugin)
		return 1;
	*(void **)&run = dlsym(plugin, "run");
	do
		if (run)
			run();
	while (now() < until);
	return dlclose(plugin) || !run;
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	char first[4096], second[4096];

	snprintf(first, sizeof first, "%s/first.so", argc > 2 ? argv[2] : ".");
	snprintf(second, sizeof second, "%s/second.so", argc > 2 ? argv[2] : ".");
	if (argc > 3 && strcmp(argv[3], "hold") == 0)
		return load_and_run(first, end);
	while (now() < end)
		if (load_and_run(first, 0) || load_and_run(second, 0))
			return 1;
	return 0;
}

/* known-loads FIRST SECOND [both]: loads one library, runs it and closes it, then the other, and so on: they lie at the same
 * addresses one after the other. "both": both are loaded all the time. */
#include "known.h"
#include <dlfcn.h>

static void *both[2];

KNOWN void call(void (*run)(void))
{
	run();
	AND_RETURN;
}

KNOWN int load(const char *path, void **kept)
{
	void *library = *kept ? *kept : dlopen(path, RTLD_NOW);
	void (*run)(void);

	if (!library)
		return 0;
	*(void **)&run = dlsym(library, "run");
	call(run);
	if (kept >= both && kept < both + 2)
		*kept = library;
	else
		dlclose(library);
	return 1;
}

int main(int argc, char **argv)
{
	int number = 0;

	if (argc < 3)
		return 1;
	FOR_EVER {
		void *none = 0;

		if (!load(argv[1 + number], argc > 3 ? &both[number] : &none))
			return 1;
		number = !number;
	}
}

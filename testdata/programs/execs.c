/* execs TIMES [MILLISECONDS]: becomes itself again TIMES times, each time busy for some milliseconds in between_execs();
 * the pid stays the same. */
#include "burn.h"
#include <stdio.h>
#include <unistd.h>

static NOINLINE void between_execs(double end)
{
	while (now() < end)
		spin(20000);
	keep();
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 100;
	const char *milliseconds = argc > 2 ? argv[2] : "10";
	char left[16];

	if (times > 10000)
		times = 10000;
	between_execs(now() + atof(milliseconds) / 1000);
	if (times <= 1)
		return 0;
	snprintf(left, sizeof left, "%d", times - 1);
	execl("/proc/self/exe", argv[0], left, milliseconds, (char *)NULL);
	return 1;
}

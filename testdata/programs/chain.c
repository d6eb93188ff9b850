/* chain SECONDS: two exact call chains, main > alpha > beta > omega with three quarters of the time and
 * main > alpha > delta with one. The symbols are local and nothing is inlined. */
#include "burn.h"

static NOINLINE void omega(void)
{
	spin(300000);
}

static NOINLINE void beta(void)
{
	omega();
	keep();
}

static NOINLINE void delta(void)
{
	spin(100000);
}

static NOINLINE void alpha(void)
{
	beta();
	delta();
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);

	while (now() < end)
		alpha();
	return 0;
}

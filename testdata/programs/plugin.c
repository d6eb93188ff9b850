/* A plugin that burns; built twice, with FUNCTION as in_first and in_second. */
#include "burn.h"

NOINLINE void FUNCTION(void)
{
	spin(3000000);
	keep();
}

void run(void)
{
	FUNCTION();
	keep();
}

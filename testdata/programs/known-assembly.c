/* known-assembly: calls assembly, half of it without unwind rules. */
#include "known.h"

typedef void function(void);

function with_rules, with_rules_by_register, without_rules;

/* Called by assembly without rules. */
KNOWN void called_back(void) { WORK_WITH("rbp", "rbx"); }

/* The base pointer is data while assembly without rules runs: whoever takes it for a frame's skips a caller. */
KNOWN void calls_without(void)
{
	without_rules();
	WORK_WITH("rbp", "r12");
}

KNOWN void calls_with(void)
{
	with_rules();
	with_rules_by_register();
	WORK_WITH("rbp", "r12");
}

int main(void)
{
	FOR_EVER {
		calls_with();
		calls_without();
	}
}

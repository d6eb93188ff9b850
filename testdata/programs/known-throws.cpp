// known-throws: exceptions that pass through frames with destructors, are thrown on, and are caught.
#include "known.h"

struct Guard {
	KNOWN ~Guard();
};

extern "C" {
KNOWN void destroys() { WORK_WITH("rbx", "rbp"); }

KNOWN void throws(long value)
{
	WORK_WITH("rbp", "r12");
	if (value >= 0)
		throw value;
}

KNOWN void passes(long value)
{
	Guard guard;
	throws(value);
	AND_RETURN;
}

KNOWN void throws_on(long value)
{
	FRAME(200);
	try {
		passes(value);
	} catch (long) {
		throw;
	}
	AND_RETURN;
}

KNOWN void catches(long value)
{
	try {
		throws_on(value);
	} catch (long caught) {
		WORK_WITH("rbp", "rbx");
	}
	AND_RETURN;
}
}

Guard::~Guard()
{
	destroys();
	AND_RETURN;
}

int main()
{
	long value = 0;

	FOR_EVER
		catches(value++ & 0xffff);
}

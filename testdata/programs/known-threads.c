/* known-threads: the same in four threads, which begin and end all the time. */
#include "known.h"
#include <pthread.h>
#include <stddef.h>

KNOWN void thread_leaf(void) { WORK_WITH("rbx", "rbp"); }

KNOWN void thread_frame(void)
{
	FRAME(500);
	thread_leaf();
	AND_RETURN;
}

KNOWN void *in_thread(void *nothing)
{
	for (long i = 0; i < 5000000; i++) {
		thread_frame();
		AND_RETURN;
	}
	return nothing;
}

int main(void)
{
	pthread_t threads[4];

	FOR_EVER {
		for (int i = 0; i < 4; i++)
			if (pthread_create(&threads[i], NULL, in_thread, NULL))
				return 1;
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
	}
}

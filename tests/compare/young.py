"""What a tool does not report at all: samples of programs that have just been started.

A tool may drop what it cannot walk yet, and what is left looks complete. The tools watch the same processes at the same time, each at a
rate of its own, so that the one which reports most for its rate from the first milliseconds after each exec says how many there were.
"""

import bisect
import math

# Nanoseconds behind an exec.
YOUNG = 4_000_000
# So many standard deviations are more than chance explains.
DEVIATIONS = 3.1


def dropped(samples, execs, rates):
    """By tool, how many samples of young programs it did not report; 0 where chance explains that. `execs` has each process's times of exec,
    sorted."""
    # Only of processes that were met later, too: which ones are looked at does not depend on what is counted.
    later = {s.pid for s in samples["bpflame"] if not is_young(s, execs)}
    counts = {tool: sum(is_young(s, execs) for s in of if s.user and s.pid in later) for tool, of in samples.items()}
    most = max(count / rates[tool] for tool, count in counts.items())
    lacking = {tool: most * rates[tool] - count for tool, count in counts.items()}
    return {tool: round(few) if few > DEVIATIONS * math.sqrt(2 * most * rates[tool]) else 0 for tool, few in lacking.items()}


def is_young(sample, execs):
    times = execs.get(sample.pid, [])
    at = bisect.bisect_right(times, sample.time)
    return at > 0 and sample.time - times[at - 1] < YOUNG

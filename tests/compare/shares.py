"""Whether two tools see the same shares: a test of two proportions for every function, corrected for their number.

Consecutive samples are not independent: a program does one thing for a while. Both tools record the same processes at the same
time, so they see the same phases. The rest is measured. The recording is cut into blocks of time, and the variance of the
difference between the tools is estimated from its scatter over the blocks, if that exceeds the variance of independent samples.
The effective number of samples is smaller by the same factor.

Only complete stacks are compared. The complete stacks of the same process with the same leaf function are weighted up to stand
for the incomplete ones. A leaf function of a process with too few complete stacks in either tool is left out of both, because a
tool may know everything or nothing of a process. The callers of `main` and of threads' functions are not compared: a stack is
complete at the first of them, whether or not a tool walks on to the last.
"""

import collections
import dataclasses
import math

import places

# Over all functions of a program: the odds of naming any when the tools agree.
SIGNIFICANCE = 0.001
SMALLEST = 0.01
BLOCKS = 20
# A leaf function of a process counts where this share of its stacks is complete, in both tools.
ENOUGH = 0.8
# With fewer stacks a leaf function is judged by all stacks of the process: of many broken ones some are whole by chance.
JUDGED = 10


@dataclasses.dataclass
class Difference:
    """A function, its two shares, the effective numbers of samples, and the odds that chance makes such a difference."""
    function: object
    ours: float
    theirs: float
    effective: tuple
    odds: float


@dataclasses.dataclass
class Comparison:
    """What came out: how many functions were compared, those that differ, and the share of samples that could be compared."""
    compared: int
    differ: list
    share: float

    def verdict(self):
        return "agree" if not self.differ else f"{len(self.differ)} differ"


def leaves(ours, theirs):
    """Shares of the functions that the samples hit themselves; no unwinding is in it."""
    return compare(*[[(s, 1.0, (s.leaf,)) for s in samples] for samples in (ours, theirs)], 1.0)


def inclusive(ours, theirs):
    """Shares of the functions anywhere in the stack."""
    kept = {group(s) for s in ours + theirs} - broken(ours) - broken(theirs)
    weighted = [weigh(samples, kept) for samples in (ours, theirs)]
    share = min(sum(group(s) in kept for s in samples) / max(len(samples), 1) for samples in (ours, theirs))
    return compare(*weighted, share)


def group(sample):
    return sample.pid, sample.leaf


def broken(samples):
    """The groups whose stacks are not complete often enough."""
    every, complete = counts(samples, group)
    process, whole = counts(samples, lambda s: s.pid)
    return {key for key, count in every.items()
            if (complete[key] / count if count >= JUDGED else whole[key[0]] / process[key[0]]) < ENOUGH or not complete[key]}


def counts(samples, by):
    return collections.Counter(map(by, samples)), collections.Counter(by(s) for s in samples if s.complete)


def weigh(samples, kept):
    every, complete = counts(samples, group)
    return [(s, every[group(s)] / complete[group(s)], set(s.functions)) for s in samples if s.complete and group(s) in kept]


def compare(ours, theirs, share):
    if not ours or not theirs:
        return Comparison(0, [], 0.0)
    begin = min(item[0].time for item in ours + theirs)
    length = max(item[0].time for item in ours + theirs) - begin + 1
    sides = [Side(items, begin, length) for items in (ours, theirs)]
    functions = {f for side in sides for f, weight in side.of.items()
                 if sum(weight) > SMALLEST * side.total and f.name not in places.STARTS}
    found = [difference(function, *sides) for function in functions]
    return Comparison(len(found), significant(found), share)


class Side:
    """One tool's weights, by function and block of time."""

    def __init__(self, items, begin, length):
        self.all = [0.0] * BLOCKS
        self.of = collections.defaultdict(lambda: [0.0] * BLOCKS)
        for sample, weight, functions in items:
            block = (sample.time - begin) * BLOCKS // length
            self.all[block] += weight
            for function in functions:
                self.of[function][block] += weight
        self.total = sum(self.all)
        # Unequal weights are worth fewer samples.
        self.effective = self.total ** 2 / sum(weight ** 2 for _, weight, _ in items)

    def share(self, function):
        return sum(self.of[function]) / self.total

    def scatter(self, function):
        """How far each block is from the whole's share."""
        share = self.share(function)
        return [(of - share * every) / self.total for of, every in zip(self.of[function], self.all)]


def difference(function, ours, theirs):
    first, second = ours.share(function), theirs.share(function)
    both = (first * ours.effective + second * theirs.effective) / (ours.effective + theirs.effective)
    independent = max(both * (1 - both), 1e-9) * (1 / ours.effective + 1 / theirs.effective)
    gaps = [a - b for a, b in zip(ours.scatter(function), theirs.scatter(function))]
    seen = sum(gap ** 2 for gap in gaps) * BLOCKS / (BLOCKS - 1)
    fewer = max(1.0, seen / independent)
    z = abs(first - second) / math.sqrt(independent * fewer)
    # A variance that was estimated from the blocks has their degrees of freedom.
    odds = math.erfc(z / math.sqrt(2)) if fewer == 1.0 else students(z, BLOCKS - 1)
    return Difference(function, first, second, (ours.effective / fewer, theirs.effective / fewer), odds)


def students(t, freedom):
    """The odds of a value as far from 0 in Student's distribution, by the midpoint rule over its density."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    # With x = t + u / (1 - u) the tail is an integral over [0, 1).
    steps, total = 2000, 0.0
    for at in range(steps):
        u = (at + 0.5) / steps
        x = t + u / (1 - u)
        total += (1 + x * x / freedom) ** (-(freedom + 1) / 2) / (1 - u) ** 2
    return min(1.0, 2 * scale * total / steps)


def significant(found):
    """Holm's procedure: the smallest odds are held against the strictest limit."""
    kept = []
    for rank, item in enumerate(sorted(found, key=lambda item: item.odds)):
        if item.odds > SIGNIFICANCE / (len(found) - rank):
            break
        kept.append(item)
    return kept


def not_below(share, count, other, other_count):
    """Whether a share is at least another one, within sampling error (one-sided, the same significance)."""
    both = (share * count + other * other_count) / (count + other_count)
    error = math.sqrt(max(both * (1 - both), 1e-9) * (1 / count + 1 / other_count))
    return math.erfc((other - share) / error / math.sqrt(2)) / 2 > SIGNIFICANCE

"""Samples of every tool in one form, and what makes a stack complete."""

import collections
import dataclasses
import itertools
import os

from places import KERNEL, STARTS


@dataclasses.dataclass(slots=True)
class Sample:
    """One sample, its frames leaf first; those of callers lie in the call instruction, not behind it."""
    time: int
    pid: int
    kernel: tuple
    user: tuple
    # How bpflame found each user frame, a letter each, as in its recordings.
    trust: str = ""
    # Why the tool does not call the stack complete, whatever it ends with.
    reason: str = ""
    # What it says beside.
    said: str = ""
    # The names that it printed for user frames, where it printed some.
    names: tuple = ()
    functions: tuple = ()
    root: object = None
    # The user frames' addresses in their files, where there are some.
    where: tuple = ()

    def resolve(self, places):
        self.functions = tuple(places.function(self.time, self.pid, frame) for frame in self.kernel + self.user)
        self.root = self.functions[-1] if self.user else None
        self.where = tuple(places.virtual.get((self.pid, frame if isinstance(frame, int) else frame[1])) for frame in self.user)

    @property
    def complete(self):
        return self.root is not None and self.root.name in STARTS and not self.reason

    def __str__(self):
        """The user stack, leaf first; the middle of a long one is left out."""
        frames = self.functions[len(self.kernel):]
        lines = [f"      {trust} {at or 0:#x} {f} ({os.path.basename(f.file)})"
                 for trust, at, f in itertools.zip_longest(self.trust, self.where, frames, fillvalue="")]
        return "\n".join(lines if len(lines) < 16 else lines[:7] + ["      …"] + lines[-7:])

    @property
    def leaf(self):
        return self.functions[0]


FLAGS = {0: "truncated", 9: "memory unreadable", 12: "broken", 13: "no rule", 14: "rule not expressible",
         15: "no mapping", 16: "register lost"}
STALE = 1 << 8


def tape(path, places):
    """The samples of a recording that bpflame stored; its side band goes to the places."""
    stacks, samples, events = {0: ()}, [], []
    for line in open(path, errors="replace"):
        words = line.split()
        if words[0] == "stack":
            # Frames that an interpreter runs are no addresses, and no other tool has them.
            stacks[int(words[1], 16)] = [frame.split("/") for frame in words[2:] if not frame.startswith("p.")]
        elif words[0] == "sample":
            samples.append([int(word, 16) for word in words[1:13]])
        elif words[0] in ("mmap", "exec", "fork"):
            events.append((int(words[1], 16), words))
    for time, words in sorted(events, key=lambda event: event[0]):
        side_band(time, words, places)
    return [taped(numbers, stacks) for numbers in samples]


def side_band(time, words, places):
    pid = int(words[2], 16)
    if words[0] == "mmap":
        start, length, offset = (int(word, 16) for word in words[4:7])
        places.mapping(time, pid, start, length, offset, unescaped(words[10][1:]))
    elif words[0] == "exec":
        places.exec(time, pid)
    else:
        places.fork(pid, int(words[4], 16))


def unescaped(text):
    first, *parts = text.split("%")
    return first + "".join(chr(int(part[:2], 16)) + part[2:] for part in parts)


def taped(numbers, stacks):
    time, _, _, pid, _, _, _, _, kernel, user, _, flags = numbers
    addresses = [tuple(int(address, 16) - (kind == "r") for kind, _, address in stacks[at]) for at in (kernel, user)]
    reasons = [name for bit, name in FLAGS.items() if flags >> bit & 1]
    sample = Sample(time, pid, *addresses, trust="".join(trust for _, trust, _ in stacks[user]))
    # What the walk broke with behind a known start is no reason; a sample from before its tables never counts.
    sample.reason = "before its tables" if flags & STALE else "truncated" if flags & 1 else ""
    sample.said = ", ".join(reasons)
    return sample


def script(lines):
    """The samples that `perf script -F pid,time,ip,sym,dso` prints: user frames as a file and an offset there."""
    samples, time, pid, ips, names = [], None, 0, [], []
    for line in lines:
        words = line.split()
        if not line.startswith("\t") and words:
            # PID TIME: and nothing else.
            pid, time, ips, names = int(words[0]), nanoseconds(words[1]), [], []
        elif words:
            name, _, file = line.strip().partition(" ")[2].rpartition(" (")
            ips.append((file.rstrip(")"), int(words[0], 16)))
            names.append(name)
        elif time is not None:
            samples.append(printed(time, pid, ips, names))
            time = None
    return samples


def nanoseconds(text):
    seconds, _, rest = text.rstrip(":").partition(".")
    return int(seconds) * 10**9 + int(rest.ljust(9, "0"))


def printed(time, pid, ips, names):
    user = next((at for at, (_, ip) in enumerate(ips) if ip < KERNEL), len(ips))
    return Sample(time, pid, tuple(ip for _, ip in ips[:user]), tuple(ips[user:]), names=tuple(names[user:]))


def within_both(first, second):
    """The samples from the time in which both were at work."""
    begin = max(min(s.time for s in samples) for samples in (first, second))
    end = min(max(s.time for s in samples) for samples in (first, second))
    return [[s for s in samples if begin <= s.time <= end] for samples in (first, second)]


def figures(samples):
    """Samples with a user stack; those that are complete without a guess, and in all; the others, by reason and file of the outermost
    frame."""
    seen = [s for s in samples if s.user]
    complete = [s for s in seen if s.complete]
    sure = sum("g" not in s.trust for s in complete)
    reasons = collections.defaultdict(list)
    for s in seen:
        if not s.complete:
            reasons[s.reason or s.said or "ends elsewhere", os.path.basename(s.root.file)].append(s)
    return len(seen), sure, len(complete), reasons

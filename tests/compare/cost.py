"""The cost of recording a build, beside `perf record --call-graph dwarf` and `perf script`; see run."""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading

import workloads

ROUNDS, LENGTH, RATE = int(os.environ.get("ROUNDS", 3)), int(os.environ.get("LENGTH", 10)), 199
PR_SET_CHILD_SUBREAPER = 36
# `perf script` looks up inlined functions by addr2line, for minutes where there is DWARF: it is ended after so many seconds.
LIMIT = 120
# So many times fewer bytes, and so many times less CPU time.
FEWER, LESS = 100, 20


def cpu_seconds(command, limit=None):
    """A command's CPU time, its children's included. After `limit` seconds it is ended, and counts as far as it came."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    timer = threading.Timer(limit or 3600, os.killpg, (process.pid, signal.SIGINT))
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not limit:
        raise RuntimeError(f"{command[0]} {command[1]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime + orphans(process.pid)


def orphans(group):
    """CPU seconds of what an ended process left in its group, which is ended, too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    seconds = 0.0
    with contextlib.suppress(ChildProcessError):
        while True:
            *_, usage = os.wait4(-group, 0)
            seconds += usage.ru_utime + usage.ru_stime
    return seconds


def bpflame(path, directory):
    """Bytes and CPU seconds; the bytes are those of a pprof file with all labels."""
    profile, stats = directory / "out.pb.gz", directory / "stats.json"
    seconds = cpu_seconds([path, "record", "-q", "-a", "-F", RATE, "-d", LENGTH, "--stats", stats, "-o", profile])
    return profile.stat().st_size, seconds, json.loads(stats.read_text())["samples"]


def perf(path, directory, size, *options):
    """Bytes and CPU seconds of a recording and of `perf script`."""
    data = directory / "perf.data"
    seconds = cpu_seconds([path, "record", "-q", "-a", "-e", "cpu-clock", "-F", RATE, "--call-graph", f"dwarf,{size}", "-o", data,
                           "--", "sleep", LENGTH])
    script = cpu_seconds([path, "script", "-i", data, *options], None if options else LIMIT)
    taken = data.stat().st_size
    data.unlink()
    return taken, seconds + script, None


def measure(work, paths):
    """Rounds in which the tools take turns, while compilers work on every CPU."""
    tools = {"bpflame": lambda: bpflame(paths[0], work.directory),
             "perf": lambda: perf(paths[1], work.directory, 8192),
             "perf, no inlined functions": lambda: perf(paths[1], work.directory, 8192, "--no-inline"),
             "perf, 64 KiB a stack, no inlined functions": lambda: perf(paths[1], work.directory, 65528, "--no-inline")}
    for _ in range(os.cpu_count()):
        workloads.compiler(work)
    rounds = [{name: tool() for name, tool in tools.items()} for _ in range(ROUNDS)]
    return {name: [statistics.median(r[name][at] for r in rounds) for at in (0, 1)] for name in tools}, rounds


def report(medians, rounds):
    """The table; whether a target is missed."""
    our_bytes, our_seconds = medians["bpflame"]
    samples = statistics.median(r["bpflame"][2] for r in rounds)
    print(f"Recordings of {LENGTH} s of the whole machine, {os.cpu_count()} CPUs compiling C++, {RATE} Hz, {samples:.0f} samples; "
          f"medians of {ROUNDS} rounds in turns. bpflame's bytes are those of its pprof file. perf is `perf record --call-graph dwarf` "
          f"and `perf script`, ended after {LIMIT} s.\n")
    print("| | bytes | times bpflame's | CPU s | times bpflame's |\n|---|---|---|---|---|")
    for name, (taken, seconds) in medians.items():
        print(f"| {name} | {taken:.0f} | {taken / our_bytes:.0f} | {seconds:.2f} | {seconds / our_seconds:.1f} |")
    taken, seconds = medians["perf"]
    missed = taken < FEWER * our_bytes or seconds < LESS * our_seconds
    print(f"\nTargets: {FEWER} times the bytes, {LESS} times the CPU time: {'missed' if missed else 'met'}.")
    return missed


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    other = os.environ.get("PERF") or shutil.which("perf")
    if not other:
        print("skipped: cost: perf is not on the PATH, and PERF= is not set")
        return
    # Children whose parent ended come to this process, which counts them.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="compare-", dir="/var/tmp"))
    work = workloads.Work(directory)
    try:
        missed = report(*measure(work, (os.environ["BPFLAME"], other)))
    finally:
        work.end()
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(missed)


main()

"""What a recording of a build costs beside `perf record --call-graph dwarf` and `perf script`; see run."""

import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import workloads

ROUNDS, LENGTH, RATE = int(os.environ.get("ROUNDS", 3)), int(os.environ.get("LENGTH", 10)), 199
# So many times fewer bytes, and so many times less CPU time.
FEWER, LESS = 100, 20


def cpu_seconds(command):
    """A command's CPU time, its children's included."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} {command[1]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def bpflame(path, directory):
    """Bytes and CPU seconds; the bytes are of a graph and of a profile with all labels."""
    files = directory / "out.svg", directory / "out.pb.gz"
    outputs = [word for file in files for word in ("-o", file)]
    seconds = cpu_seconds([path, "record", "-q", "-a", "-F", RATE, "-d", LENGTH, "--stats", directory / "stats.json", *outputs])
    return sum(file.stat().st_size for file in files), seconds, json.loads((directory / "stats.json").read_text())["samples"]


def perf(path, directory, size):
    """Bytes and CPU seconds. `perf script` without inlined functions, whose look-up takes it minutes."""
    data = directory / "perf.data"
    seconds = cpu_seconds([path, "record", "-q", "-a", "-e", "cpu-clock", "-F", RATE, "--call-graph", f"dwarf,{size}", "-o", data,
                           "--", "sleep", LENGTH])
    script = cpu_seconds([path, "script", "-i", data, "--no-inline"])
    taken = data.stat().st_size
    data.unlink()
    return taken, seconds + script, None


def measure(work, paths):
    """Rounds in which the tools take turns, while compilers work on every CPU."""
    tools = {"bpflame": lambda: bpflame(paths[0], work.directory),
             "perf, 8 KiB a stack": lambda: perf(paths[1], work.directory, 8192),
             "perf, 64 KiB a stack": lambda: perf(paths[1], work.directory, 65528)}
    for _ in range(os.cpu_count()):
        workloads.compiler(work)
    rounds = [{name: tool() for name, tool in tools.items()} for _ in range(ROUNDS)]
    return {name: [statistics.median(r[name][at] for r in rounds) for at in (0, 1)] for name in tools}, rounds


def report(medians, rounds):
    """The table; whether a target is missed."""
    (our_bytes, our_seconds), missed = medians["bpflame"], False
    samples = statistics.median(r["bpflame"][2] for r in rounds)
    print(f"Recordings of {LENGTH} s of the whole machine, {os.cpu_count()} CPUs compiling C++, {RATE} Hz, {samples:.0f} samples; medians of "
          f"{ROUNDS} rounds in turns. bpflame's bytes are those of an SVG and a pprof file. perf is `perf record` and `perf script`.\n")
    print("| | bytes | times bpflame's | CPU s | times bpflame's |\n|---|---|---|---|---|")
    for name, (taken, seconds) in medians.items():
        print(f"| {name} | {taken:.0f} | {taken / our_bytes:.0f} | {seconds:.2f} | {seconds / our_seconds:.1f} |")
        if name != "bpflame":
            missed |= taken < FEWER * our_bytes or seconds < LESS * our_seconds
    print(f"\nTargets: {FEWER} times the bytes, {LESS} times the CPU time: {'missed' if missed else 'met'}.")
    return missed


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    other = os.environ.get("PERF") or shutil.which("perf")
    if not other:
        print("skipped: cost: perf is neither on the PATH nor in PERF=")
        return
    directory = pathlib.Path(tempfile.mkdtemp(prefix="compare-", dir="/var/tmp"))
    work = workloads.Work(directory)
    try:
        missed = report(*measure(work, (os.environ["BPFLAME"], other)))
    finally:
        work.end()
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(missed)


main()

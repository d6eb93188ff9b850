"""The cost of recording interpreted programs, beside the profilers of their own world."""

import math
import os
import statistics
import subprocess
import sys

from runs import LENGTH, PROGRAMS, ROUNDS, SCRATCH, Load, Run, bpflame, cell, everywhere, find, median, ratio, stats_of

# Thirty calls in one native frame of the loop (3.11 and later); then work for so many seconds, or of so many rounds.
DEEP = """import sys, time
def deep(n, seconds, rounds):
    if n: return deep(n - 1, seconds, rounds) + 1
    begin, made, total = time.monotonic(), 0, 0
    while made < rounds if rounds else time.monotonic() - begin < seconds:
        made += 1
        for i in range(2000): total += i * i % 7
    print(time.monotonic() - begin)
    return 0
deep(29, float(sys.argv[1]), int(sys.argv[2]))
"""
ALTERNATIONS = 20


def python():
    """Stacks of Python, attaching, and the slowdown of the program."""
    script = SCRATCH / "deep.py"
    script.write_text(DEEP)
    stacks(script)
    attached(script)
    slowdown(script)


def stacks(script):
    """The BPF time of a stack in Python, and of one in native code."""
    loads = {"34 native frames": everywhere("bare-recurse", 34),
             "30 Python frames": Load(*[[sys.executable, script, 600, 0]] * os.cpu_count())}
    print(f"## Stacks of Python {sys.version_info.major}.{sys.version_info.minor}\n\nThe whole machine; a copy of the program for each CPU. Python's "
          "frames are in one native frame of its loop. `ratio` is to the native ones.\n")
    print("| rate | | BPF ns a run | ratio | BPF share of the CPUs |\n|---|---|---|---|---|")
    for hertz in (99, 4999):
        runs = {name: [] for name in loads}
        for _ in range(ROUNDS):
            for name, load in loads.items():
                with load:
                    runs[name].append(Run(bpflame("-a", "-F", hertz, "-d", LENGTH, "-o", SCRATCH / "out.svg")))
        rows = {name: median(r.per_run() for r in of) for name, of in runs.items()}
        for name, of in runs.items():
            share = median(r.bpf[0] / (LENGTH * 1e9 * os.cpu_count()) for r in of)
            print(f"| {hertz} Hz | {name} | {cell(rows[name], '{:.0f}')} | {ratio(rows['34 native frames'], rows[name])} | {share:.3%} |")
    print()


def recorders(pid, seconds):
    """The tools that record a process, by name."""
    known = {"bpflame": bpflame("-p", pid, "-F", 99, "-d", seconds, "-o", SCRATCH / "out.svg")}
    spy = find("py-spy")
    for name, option in (("py-spy", []), ("py-spy --native", ["--native"])) if spy else ():
        known[name] = [spy, "record", *option, "-p", pid, "-r", 99, "-d", seconds, "-f", "flamegraph", "-o", SCRATCH / "spy.svg"]
    return known


def attached(script):
    """What recording a busy process costs the recorder."""
    figures = {}
    with Load([sys.executable, script, 600, 0]) as load:
        for _ in range(ROUNDS):
            for name, command in recorders(load.running[0].pid, 3 * LENGTH).items():
                run = Run(command)
                after = stats_of("stats.json") if name == "bpflame" else None
                figures.setdefault(name, []).append((run.cpu, run.memory / 2**20, after))
    print(f"## Attaching to a busy Python process for {3 * LENGTH} s at 99 Hz\n\n| | own CPU s | ratio | anonymous MiB |\n|---|---|---|---|")
    ours = median(cpu for cpu, *_ in figures["bpflame"])
    for name, rounds in figures.items():
        cpu = median(cpu for cpu, *_ in rounds)
        print(f"| {name} | {cpu:.2f} | {ratio(cpu, ours)} | {median(memory for _, memory, _ in rounds):.1f} |")
    print("\n`ratio` is bpflame's figure divided by the tool's.\n")


def slowdown(script):
    """How much longer the same work takes while it is recorded: the median ratio to the run before it, with its 95 % interval."""
    rounds = 1
    while took(script, rounds) < 2:
        rounds *= 2
    names = list(recorders(0, 60))
    found = {name: [] for name in names}
    for _ in range(ALTERNATIONS):
        for name in names:
            alone = took(script, rounds)
            found[name].append(took(script, rounds, name) / alone)
    print(f"## Slowdown of a Python program at 99 Hz\n\n{ALTERNATIONS} alternations of a run of about two seconds with the tool and one without.\n")
    print("| | mean | 95 % interval |\n|---|---|---|")
    for name, ratios in found.items():
        mean, error = statistics.mean(ratios), 1.96 * statistics.stdev(ratios) / math.sqrt(len(ratios))
        print(f"| {name} | {mean - 1:+.2%} | {mean - error - 1:+.2%} to {mean + error - 1:+.2%} |")
    print()


def took(script, rounds, tool=None):
    """Seconds that the program's work takes, recorded by a tool or not."""
    process = subprocess.Popen([sys.executable, script, "0", str(rounds)], stdout=subprocess.PIPE, text=True)
    recorder = tool and subprocess.Popen([str(word) for word in recorders(process.pid, 60)[tool]], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
    seconds = float(process.communicate()[0])
    if recorder:
        recorder.wait()
    return seconds

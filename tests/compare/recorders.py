"""bpflame and its peers at work on the same processes at the same time.

At the same time, not in turns: a program's phases then reach every tool alike. What perf costs (it copies 64 KiB a sample) slows the
program down, but for all who watch it; the rates differ a little, so that no tool samples in the other's wake. perf watches the whole
machine, and the same processes are taken from it: with a timer for each task, as its option for processes has it, what was due fires in the
switch to that task, and the scheduler's functions get several times their share.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time

import otel
import places
import stacks
import young

OUR_RATE, PERF_RATE, OTEL_RATE = 199, 197, 193
RATES = {"bpflame": OUR_RATE, "perf": PERF_RATE, "otel": OTEL_RATE}


class Failed(Exception):
    """A tool ended with an error."""


def start(command, **more):
    return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            start_new_session=True, **more)


def end(process):
    """Kills what is still there, with what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def finish(process, name):
    said = process.communicate()[1].decode(errors="replace")
    if process.returncode:
        raise Failed(f"{name} ended with {process.returncode}: {said[-400:]}")


class Recording:
    """What all tools saw: samples by tool, how many each did not report, and bpflame's own figures."""

    def __init__(self, samples, dropped, stats, notes):
        self.samples, self.dropped, self.stats, self.notes = samples, dropped, stats, notes


def record(tools, pid, directory, seconds):
    """Records a process, its children, and what they start."""
    known = places.Places()
    known.processes(pid)
    with contextlib.ExitStack() as ends:
        profiler = tools.otel and ends.enter_context(Profiler(tools.otel))
        running = {"bpflame": start(ours(tools.bpflame, pid, directory, seconds))}
        if tools.perf:
            running["perf"] = start(theirs(tools.perf, directory, seconds), stdout=subprocess.DEVNULL)
        for process in running.values():
            ends.callback(end, process)
        # What is born until bpflame's recording tells it.
        for _ in range(40):
            time.sleep(0.05)
            known.processes(pid)
        for name, process in running.items():
            finish(process, name)
        samples = {"bpflame": stacks.tape(directory / "tape", known)}
        if profiler:
            samples["otel"] = profiler.finish(samples["bpflame"])
    notes = []
    if tools.perf:
        samples["perf"], lost = scripted(tools.perf, directory, {s.pid for s in samples["bpflame"]})
        notes += [f"perf lost {lost} samples"] if lost else []
    for of in samples.values():
        for sample in of:
            sample.resolve(known)
    dropped = young.dropped(samples, known.execs(), RATES)
    return Recording(samples, dropped, json.loads((directory / "stats.json").read_text()), notes)


def ours(path, pid, directory, seconds):
    return [path, "record", "-q", "-p", pid, "--tree", "-F", OUR_RATE, "-d", seconds + 1, "--save", directory / "tape", "--save-kernel-addresses",
            "--stats", directory / "stats.json", "-o", directory / "out.folded", "-o", directory / "out.pb.gz"]


def theirs(path, directory, seconds):
    return [path, "record", "-q", "-a", "-e", "cpu-clock", "-F", PERF_RATE, "-m", "16M", "-k", "CLOCK_MONOTONIC",
            "--call-graph", "dwarf,65528", "-o", directory / "perf.data", "--", "sleep", seconds + 1]


class Profiler:
    """The OpenTelemetry profiler, which always records the whole machine; at work when this is made."""

    def __init__(self, command):
        self.receiver = otel.Receiver()
        self.process = start([*command.split(), "-collection-agent", self.receiver.address, "-disable-tls", "-samples-per-second",
                              OTEL_RATE, "-reporter-interval", "1s", "-send-error-frames"], stdout=subprocess.DEVNULL)
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        for _ in range(600):
            if self.receiver.messages or self.process.poll() is not None:
                break
            time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)
        self.receiver.close()

    def finish(self, beside):
        """Ends it; its samples of the same processes from the time in which the others were at work."""
        time.sleep(2)
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        offset, pids = time.monotonic_ns() - time.time_ns(), {s.pid for s in beside}
        first, last = min(s.time for s in beside), max(s.time for s in beside)
        return [s for s in otel.samples(self.receiver.messages, pids, offset) if first <= s.time <= last]


def scripted(perf, directory, pids):
    """The samples of some processes in a recording of perf's, which is removed, and how many it lost."""
    data = directory / "perf.data"
    command = [perf, "script", "-i", data, "-F", "pid,time,ip,sym,dso", "--ns", "--no-inline", "--max-stack", "1024",
               "--show-lost-events", "--pid", ",".join(map(str, pids))]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               errors="replace")
    lines, lost = [], 0
    for line in process.stdout:
        if "PERF_RECORD_LOST" in line:
            lost += int(line.split()[-1])
        else:
            lines.append(line)
    if process.wait():
        raise Failed(f"perf script ended with {process.returncode}")
    return stacks.script(lines), lost

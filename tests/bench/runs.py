"""Commands that are measured, and the load beside them."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BPFLAME, PROGRAMS = sys.argv[1], pathlib.Path(sys.argv[2])
PEERS = [os.path.join(d, s) for d in os.environ["PEERS"].split(":") if d for s in ("", "bin")]
ROUNDS, LENGTH = int(os.environ["ROUNDS"]), int(os.environ["LENGTH"])
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="bpflame-bench-"))
STATS_SWITCH = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


def find(name):
    return shutil.which(name, path=os.pathsep.join(PEERS + [os.environ["PATH"]]))


class Load:
    """Processes that keep the machine busy while the block runs."""

    def __init__(self, *commands):
        self.commands, self.running = commands, []

    def __enter__(self):
        try:
            for command in self.commands:
                self.running.append(subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                                                     stderr=subprocess.DEVNULL, start_new_session=True))
            time.sleep(1)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for process in self.running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running = []


def everywhere(name, *arguments):
    """A copy of a program for each CPU."""
    return Load(*[[PROGRAMS / name, 300, *arguments]] * os.cpu_count())


PERF_EVENT = "7"  # the kernel's number for BPF programs of perf events


def fdinfo(pid):
    """The kernel's figures of the sampling BPF programs and the maps that a process holds open: by id."""
    programs, maps = {}, {}
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            # A descriptor may be closed by now, the others are not.
            with contextlib.suppress(OSError):
                text = open(f"/proc/{pid}/fdinfo/{fd}", errors="replace").read()
                fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
                if "run_time_ns" in fields and fields["prog_type"] == PERF_EVENT:
                    programs[fields["prog_id"]] = (int(fields["run_time_ns"]), int(fields["run_cnt"]))
                if "map_id" in fields:
                    maps[fields["map_id"]] = int(fields["memlock"])
    return programs, maps


def anonymous(pid):
    """Anonymous memory of a process, in bytes."""
    try:
        found = re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{pid}/status").read())
        return int(found[1]) * 1024 if found else 0
    except OSError:
        return 0


def programs_by_bpftool():
    """Every sampling BPF program's run time and count, by id, where bpftool is there."""
    tool = find("bpftool")
    if not tool:
        return {}
    text = subprocess.run([tool, "--json", "prog", "show"], capture_output=True, text=True).stdout
    return {str(p["id"]): (p.get("run_time_ns", 0), p.get("run_cnt", 0))
            for p in json.loads(text or "[]") if p["type"] == "perf_event"}


class Run:
    """One run of a command: its own CPU time, wall time, peak of anonymous memory and of BPF maps, and its BPF programs' runs.
    A program's figures are read while it is loaded; the last reading before the end counts."""

    def __init__(self, command, stop_after=None, output=subprocess.DEVNULL):
        self.memory = self.maps = 0
        self.programs = {}
        before = set(programs_by_bpftool())
        start = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=subprocess.PIPE)
        said = []
        reader = threading.Thread(target=lambda: said.append(process.stderr.read()))
        reader.start()
        asked = None
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            now = time.monotonic() - start
            if pid:
                break
            self.look(process.pid)
            if LENGTH - 1.5 < now < LENGTH - 0.5 and not self.programs:
                self.programs = {i: p for i, p in programs_by_bpftool().items() if i not in before}
            if stop_after and now > stop_after and asked is None:
                asked = now
                process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        reader.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        self.said = said[0].decode(errors="replace")
        self.code = process.returncode
        self.wall = now
        self.after_stop = now - asked if asked else None
        self.cpu = usage.ru_utime + usage.ru_stime
        self.bpf = max(self.programs.values(), key=lambda p: p[1], default=(0, 0))

    def look(self, pid):
        programs, maps = fdinfo(pid)
        self.programs.update(programs)
        self.maps = max(self.maps, sum(maps.values()))
        self.memory = max(self.memory, anonymous(pid))

    def per_run(self):
        """Nanoseconds per run of the program that ran most."""
        return self.bpf[0] / self.bpf[1] if self.bpf[1] else None


def stats_of(name):
    return json.loads((SCRATCH / name).read_text())


def bpflame(*arguments, stats="stats.json"):
    return [BPFLAME, "record", "-q", "--stats", SCRATCH / stats, *arguments]


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def cell(value, form):
    return "–" if value is None else form.format(value)


def ratio(value, ours, form="{:.2f}"):
    return "–" if not value or not ours else form.format(ours / value)

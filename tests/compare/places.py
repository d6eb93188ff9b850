"""From an address in a process to a function: one way for every tool, so that only their stacks can differ."""

import bisect
import collections
import functools
import os

import elf
import workloads

KERNEL = 0xFFFF_8000_0000_0000
# Functions that nobody calls, as far as a stack's end is concerned.
STARTS = {"_start", "__libc_start_call_main", "__libc_start_main", "__libc_start_main_impl", "start_thread", "clone",
          "__clone", "clone3", "__clone3", "runtime.goexit", "runtime.goexit.abi0", "runtime.mstart",
          "runtime.mstart.abi0", "runtime.mcall", "runtime.mcall.abi0", "runtime.rt0_go", "runtime.rt0_go.abi0", "_rt0_amd64_linux"}

Function = collections.namedtuple("Function", "file start name")
Function.__str__ = lambda f: f.name or f"{os.path.basename(f.file)}+{f.start:#x}"


@functools.cache
def kernel_symbols():
    symbols = []
    for line in open("/proc/kallsyms"):
        address, kind, name = line.split()[:3]
        if kind in "tTwW" and int(address, 16):
            symbols.append((int(address, 16), name))
    symbols.sort()
    return [a for a, _ in symbols], [n for _, n in symbols]


def kernel_function(address):
    starts, names = kernel_symbols()
    at = bisect.bisect_right(starts, address) - 1
    return Function("[kernel]", starts[at] if at >= 0 else 0, names[at] if at >= 0 else "[kernel]")


class Places:
    """The mappings of processes over time."""

    def __init__(self):
        self.maps = collections.defaultdict(list)
        self.known, self.jit, self.virtual = {}, {}, {}

    def processes(self, pid):
        """Takes the mappings of a living process and of its descendants as they are, where they are not known yet."""
        for each in workloads.descendants(pid):
            if each not in self.maps:
                self.process(each)

    def process(self, pid):
        try:
            lines = open(f"/proc/{pid}/maps").readlines()
        except OSError:
            return
        for line in lines:
            words = line.split(None, 5)
            if "x" in words[1]:
                start, end = (int(n, 16) for n in words[0].split("-"))
                path = words[5].strip() if len(words) > 5 else "//anon"
                self.mapping(0, pid, start, end - start, int(words[2], 16), path)

    def mapping(self, time, pid, start, length, offset, path):
        self.maps[pid].append((time, start, start + length, offset, path))

    def exec(self, time, pid):
        """From here on the older mappings are gone."""
        self.maps[pid].append((time, 0, 1 << 64, 0, None))

    def execs(self):
        """When each process called it."""
        return {pid: sorted(time for time, *_, path in mapped if path is None) for pid, mapped in self.maps.items()}

    def fork(self, pid, parent):
        if pid != parent and pid not in self.maps:
            self.maps[pid] = list(self.maps.get(parent, []))

    def perf_map(self, pid):
        """The names that a runtime wrote for its code."""
        if pid not in self.jit:
            entries = []
            try:
                for line in open(f"/tmp/perf-{pid}.map", errors="replace"):
                    start, size, name = line.rstrip("\n").split(" ", 2)
                    entries.append((int(start, 16), int(size, 16), name))
            except (OSError, ValueError):
                pass
            entries.sort()
            self.jit[pid] = [e[0] for e in entries], entries
        return self.jit[pid]

    def jit_function(self, pid, address):
        starts, entries = self.perf_map(pid)
        at = bisect.bisect_right(starts, address) - 1
        if at >= 0 and address < entries[at][0] + entries[at][1]:
            # Tiers of one function are one; so are its copies.
            return Function("[jit]", 0, entries[at][2].lstrip("~^*"))
        return Function("[jit]", 0, "[jit]")

    def function(self, time, pid, frame):
        """The function at an instruction: an address of a process, or a file and an offset there."""
        key = pid, frame
        if key not in self.known:
            self.known[key] = self.look_up(time, pid, frame)
        return self.known[key]

    def look_up(self, time, pid, frame):
        if isinstance(frame, tuple) and len(frame) == 4:
            return self.reported(pid, *frame)
        path, address = frame if isinstance(frame, tuple) else ("", frame)
        if path.startswith("/tmp/perf-"):
            return self.jit_function(pid, address)
        if path.startswith(("/", "[v")):
            return self.in_file(pid, address, address, path)
        if address >= KERNEL:
            return kernel_function(address)
        for since, start, end, offset, path in reversed(self.maps.get(pid, [])):
            if start <= address < end and since <= time:
                if path is None:
                    break
                return self.in_file(pid, address, address - start + offset, path)
        return Function("[unmapped]", 0, "[unmapped]")

    def in_file(self, pid, address, offset, path):
        if not path.startswith("/") or path.startswith(("//anon", "/memfd:", "/dev/zero")):
            return Function(path, 0, path) if path.startswith("[v") else self.jit_function(pid, address)
        found = elf.functions(path)
        virtual = found and found.image.address(offset)
        if virtual is None:
            return Function(path, 0, None)
        self.virtual[pid, address] = virtual
        return Function(path, *found.at(virtual))

    def reported(self, pid, kind, file, address, name):
        """A frame as the OpenTelemetry profiler tells it: native ones by the file's name and the address in it."""
        if kind != "native":
            return Function(f"[{kind}]", 0, name or f"[{kind}]")
        path = next((m[4] for m in self.maps.get(pid, []) if m[4] and os.path.basename(m[4]) == file), None)
        found = path and elf.functions(path)
        return Function(path, *found.at(address)) if found else Function(file, address, name or None)

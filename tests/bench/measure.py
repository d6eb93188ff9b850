"""Measures bpflame beside other profilers. Each figure is the median of rounds in which the tools take turns."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).parent.parent / "compare"))
import interpreters
import otel
from runs import (BPFLAME, LENGTH, PROGRAMS, ROUNDS, SCRATCH, STATS_SWITCH, Load, Run, bpflame, cell, everywhere, find, median, ratio,
                  stats_of)


def tools():
    """The tools to compare: name and command of a machine-wide recording."""
    # bpftrace's own language; the same keys as the others count by.
    script = "profile:hz:199 { @[kstack, ustack, comm] = count(); } interval:s:%d { exit(); }" % LENGTH
    known = {
        "bpflame": lambda p: bpflame("-a", "-F", 199, "-d", LENGTH, "-o", SCRATCH / "out.svg"),
        "profile-libbpf": lambda p: [p, "-F", 199, "-f", LENGTH],
        "bpftrace": lambda p: [p, "-e", script],
        "probee": lambda p: [p, "-f", 199, "-t", LENGTH * 1000, "-o", SCRATCH / "probee.svg"],
        "perf": lambda p: [p, "record", "-q", "-F", 199, "-a", "-g", "-o", SCRATCH / "perf.data",
                           "--", "sleep", LENGTH],
    }
    found, missing = {}, []
    for name, command in known.items():
        path = BPFLAME if name == "bpflame" else find(name)
        if path:
            found[name] = command(path)
        else:
            missing.append(name)
    return found, missing


def beside():
    """BPF time, CPU time, memory and overhead of a machine-wide recording."""
    found, missing = tools()
    runs = {name: [] for name in found}
    with everywhere("recurse", 34):
        for _ in range(ROUNDS):
            for name, command in found.items():
                runs[name].append(Run(command))
                if runs[name][-1].code != 0:
                    print(f"{name} ended with {runs[name][-1].code}: {runs[name][-1].said[-300:]}", file=sys.stderr)
                if name == "bpflame":
                    runs[name][-1].stats = stats_of("stats.json")
    rows = {name: (median(r.per_run() for r in all_runs), median(r.cpu for r in all_runs),
                   median(r.wall - LENGTH for r in all_runs), median(r.memory for r in all_runs),
                   median(r.maps for r in all_runs)) for name, all_runs in runs.items()}
    ours = rows["bpflame"]
    print(f"## A machine-wide recording of {LENGTH} s at 199 Hz\n")
    print(f"{os.cpu_count()} copies of a recursion of 34 frames; medians of {ROUNDS} rounds in turns. `ratio` is bpflame's "
          "figure divided by the tool's. Memory is the peak of anonymous memory, and the size of the BPF maps.\n")
    print("| | BPF ns a run | ratio | own CPU s | ratio | overtime s | anonymous MiB | maps MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (bpf, cpu, over, memory, maps) in rows.items():
        print(f"| {name} | {cell(bpf, '{:.0f}')} | {ratio(bpf, ours[0])} | {cell(cpu, '{:.2f}')} | "
              f"{ratio(cpu, ours[1])} | {cell(over, '{:.2f}')} | {memory / 2**20:.1f} | {maps / 2**20:.1f} |")
    mine = [r.stats for r in runs["bpflame"]]
    first = median(s["first_sample_ns"] / 1e6 for s in mine)
    samples = median(s["samples"] for s in mine)
    print(f"\nbpflame: {first:.0f} ms from its start to the first sample; {samples:.0f} samples, "
          f"{median(s['lost_total'] for s in mine):.0f} lost.")
    print(f"Not found, so not measured: {', '.join(missing) or 'none'}.\n")


def unwinders():
    """Tools that walk stacks without frame pointers: name and command of a machine-wide recording."""
    known = {
        "bpflame": lambda p: bpflame("-a", "-F", 199, "-d", LENGTH, "-o", SCRATCH / "out.svg"),
        "probee": lambda p: [p, "--dwarf", "-f", 199, "-t", LENGTH * 1000, "-o", SCRATCH / "probee.svg"],
        "lightswitch": lambda p: [p, "--duration", LENGTH, "--sample-freq", 199,
                                  "--profile-path", SCRATCH, "--profile-name", "lightswitch.svg"],
        # The receiver of its stacks is not part of the figure. The profiler insists on raising a limit. Where that is forbidden,
        # a command `nolimit` on the PATH runs it and answers such calls itself.
        "otel-profiler": lambda p: [*([find("nolimit")] if find("nolimit") else []), p, "-samples-per-second", 199,
                                    "-disable-tls", "-collection-agent", otel.Receiver().address],
    }
    paths = {name: BPFLAME if name == "bpflame" else find(name) for name in known}
    return ({name: known[name](path) for name, path in paths.items() if path},
            [name for name, path in paths.items() if not path])


@contextlib.contextmanager
def debugfs():
    """Mounts debugfs: lightswitch reads tracefs there."""
    there = pathlib.Path("/sys/kernel/debug")
    if (there / "tracing").exists():
        yield
        return
    subprocess.run(["mount", "-t", "debugfs", "nodev", there], check=True)
    try:
        yield
    finally:
        # It may be busy. That must not cost the figures.
        subprocess.run(["umount", "--recursive", there])


def unwinding(loads, title, text):
    """A table of a machine-wide recording while programs without frame pointers run; `loads` has one for each column."""
    found, missing = unwinders()
    columns = {name: (command, loads["bare"]) for name, command in found.items()}
    if "framed" in loads:
        columns["bpflame --unwind fp, with frame pointers"] = (found["bpflame"] + ["--unwind", "fp"], loads["framed"])
        if find("profile-libbpf"):
            libbpf = [find("profile-libbpf"), "-F", 199, "-f", LENGTH]
            columns["profile-libbpf, with frame pointers"] = (libbpf, loads["framed"])
    runs = {name: [] for name in columns}
    with debugfs() if "lightswitch" in columns else contextlib.nullcontext():
        for _ in range(ROUNDS):
            for name, (command, load) in columns.items():
                with load:
                    # The OpenTelemetry profiler has no option for the length.
                    runs[name].append(Run(command, stop_after=LENGTH if name == "otel-profiler" else None))
                if name == "bpflame":
                    runs[name][-1].stats = stats_of("stats.json")
    # A tool that did not sample has no figures.
    for name in [name for name, all_runs in runs.items() if not all(r.per_run() for r in all_runs)
                 or any(r.code for r in all_runs)]:
        last = runs.pop(name)[-1]
        missing.append(f"{name} (ended with {last.code})")
        print(f"{name} ended with {last.code}: {last.said[-300:]}", file=sys.stderr)
    rows = {name: (median(r.per_run() for r in all_runs), median(r.cpu for r in all_runs),
                   median(r.memory for r in all_runs), median(r.maps for r in all_runs))
            for name, all_runs in runs.items()}
    ours = rows["bpflame"]
    print(f"## {title}\n\n{text}\n")
    print("| | BPF ns a run | ratio | own CPU s | ratio | anonymous MiB | maps MiB |")
    print("|---|---|---|---|---|---|---|")
    for name, (bpf, cpu, memory, maps) in rows.items():
        print(f"| {name} | {cell(bpf, '{:.0f}')} | {ratio(bpf, ours[0])} | {cell(cpu, '{:.2f}')} | "
              f"{ratio(cpu, ours[1])} | {memory / 2**20:.1f} | {maps / 2**20:.1f} |")
    mine = [r.stats for r in runs["bpflame"]]
    shares = {key: median(s.get(key, 0) / max(s["user_samples"], 1) for s in mine)
              for key in ("complete", "complete_with_guess")}
    print(f"\nbpflame: {median(s['first_sample_ns'] / 1e6 for s in mine):.0f} ms to the first sample, "
          f"{median(s['unwind_table_bytes'] for s in mine) / 2**20:.1f} MiB of tables, stacks complete: "
          f"{shares['complete']:.1%} without a guess, {shares['complete_with_guess']:.1%} with one.")
    print(f"Not found, so not measured: {', '.join(missing) or 'none'}.\n")


def bare():
    """The same stacks without frame pointers, hot."""
    loads = {"bare": everywhere("bare-recurse", 34), "framed": everywhere("recurse", 34)}
    unwinding(loads, "Stacks of 34 frames without frame pointers",
              "A copy of the recursion for each CPU, built without frame pointers; with frame pointers for tools that need them.")


def cold():
    """Compilers: their code is large, and each sample hits another part of it."""
    source = SCRATCH / "work.cpp"
    source.write_text("#include <algorithm>\n#include <iostream>\n#include <map>\n#include <regex>\n#include <string>\n"
                      "#include <vector>\nint main() {\n    std::map<std::string, std::vector<int>> seen;\n"
                      "    std::regex word(\"[a-z]+\");\n    for (std::string line; std::getline(std::cin, line);)\n"
                      "        if (std::regex_search(line, word)) seen[line].push_back(1);\n"
                      "    for (auto &[key, list] : seen) std::sort(list.begin(), list.end());\n"
                      "    std::cout << seen.size();\n}\n")
    command = f"while :; do g++ -O2 -c '{source}' -o /dev/null; done"
    unwinding({"bare": Load(*[["sh", "-c", command]] * os.cpu_count())}, "Compilers: new addresses in every sample",
              "g++ over and over on every CPU.")


def compilers():
    """The installed compilers, each running over and over, by name."""
    source = SCRATCH / "work.rs"
    source.write_text("use std::collections::HashMap;\nfn main() {\n    let mut seen: HashMap<String, Vec<usize>> = HashMap::new();\n"
                      "    for (at, word) in std::env::args().enumerate() {\n        seen.entry(word).or_default().push(at);\n    }\n"
                      "    println!(\"{seen:?}\");\n}\n")
    commands = {"gcc": "gcc -O2 -c testdata/programs/sample.c -o /dev/null",
                "rustc": f"rustc -O -g '{source}' -o '{SCRATCH}/work.$$'"}
    return {name: Load(*[["sh", "-c", f"while :; do {command}; done"]] * os.cpu_count())
            for name, command in commands.items() if shutil.which(name)}


def seconds_of_perf(load, perf, collapse, flame):
    """From perf's recording to the graph, while the load goes on."""
    data = SCRATCH / "compile.data"
    with load:
        Run([perf, "record", "-q", "-F", 199, "-a", "-g", "-o", data, "--", "sleep", LENGTH])
        start = time.monotonic()
        subprocess.run(f"'{perf}' script -i '{data}' 2>/dev/null | '{collapse}' | '{flame}' > '{SCRATCH}/perf.svg'",
                       shell=True, check=True)
        return time.monotonic() - start


def finish():
    """From the end of a recording to the graph on disk."""
    peers = find("perf"), find("inferno-collapse-perf"), find("inferno-flamegraph")
    print(f"## From the end of a recording to the SVG\n\n{LENGTH} s of the whole machine at 199 Hz. Compilers run until the "
          "graph is written. bpflame: from Ctrl-C to its exit; perf: `perf script` piped into inferno.\n")
    print("| | bpflame s | perf s | perf / bpflame | anonymous MiB | maps MiB | samples | processes |\n|---|---|---|---|---|---|---|---|")
    for name, load in compilers().items():
        ours, theirs = [], []
        for _ in range(ROUNDS):
            with load:
                run = Run(bpflame("-a", "-F", 199, "-o", SCRATCH / "compile.svg"), stop_after=LENGTH)
            ours.append((run, stats_of("stats.json")))
            if all(peers):
                theirs.append(seconds_of_perf(load, *peers))
        mine, peer = median(r.after_stop for r, _ in ours), median(theirs)
        stats = [median(s[key] for _, s in ours) for key in ("samples", "processes")]
        print(f"| {name} | {mine:.2f} | {cell(peer, '{:.2f}')} | {cell(peer and peer / mine, '{:.1f}')} | "
              f"{median(r.memory for r, _ in ours) / 2**20:.1f} | {median(r.maps for r, _ in ours) / 2**20:.1f} | "
              f"{stats[0]:.0f} | {stats[1]:.0f} |")
    print()


def growth():
    """The same recording with more processes and with more stacks."""
    cases = [
        ("10 processes", Load([PROGRAMS / "crowd", 300, 10]), 199),
        ("1,000 processes", Load([PROGRAMS / "crowd", 300, 1000]), 199),
        ("100 stacks", everywhere("stacks", 100), 5000),
        ("100,000 stacks", everywhere("stacks", 100000), 5000),
    ]
    figures = {name: [] for name, *_ in cases}
    for _ in range(ROUNDS):
        for name, load, hertz in cases:
            with load:
                run = Run(bpflame("-a", "-F", hertz, "-d", LENGTH, "-o", SCRATCH / "growth.pb.gz"))
                stats = stats_of("stats.json")
                samples = max(stats["samples"], 1)
                figures[name].append((run.per_run(), run.cpu / samples * 1e6, stats["samples"], stats["stacks"],
                                      run.memory + run.maps, stats["lost_total"]))
    print("## Growth\n\nThe same recording with more processes and with more distinct stacks.\n")
    print("| | samples | stacks | BPF ns a run | own CPU µs a sample | memory MiB | lost |\n|---|---|---|---|---|---|---|")
    for name, rounds in figures.items():
        bpf, cpu, samples, stacks, memory, lost = (median(column) for column in zip(*rounds))
        print(f"| {name} | {samples:.0f} | {stacks:.0f} | {cell(bpf, '{:.0f}')} | {cpu:.1f} | {memory / 2**20:.1f} | {lost:.0f} |")
    print()


def hostile():
    """Processes that are hard to profile, all at once, beside a usual one."""
    places = {name: SCRATCH / name for name in ("hoard", "zoo", "silent")}
    for place in places.values():
        place.mkdir()
    animals = [[PROGRAMS / "hoard", 300, places["hoard"]], [PROGRAMS / "zoo", 300, places["zoo"]],
               [PROGRAMS / "silent", 300, places["silent"], PROGRAMS / "bare"],
               [PROGRAMS / "long-names", 300], [PROGRAMS / "forks", 300], [PROGRAMS / "bare", 300]]
    print("## Hostile processes\n\n`record -a -d 5s` beside 60,000 mappings, mappings, names and processes that change all the time, "
          "long names, files that vanish, shrink or never answer, and memory that lies. Seconds from the command to its exit.\n")
    print("| seconds | anonymous MiB | maps MiB | own CPU s | samples |\n|---|---|---|---|---|")
    runs = []
    with Load(*animals):
        while not (places["hoard"] / "ready").exists():
            time.sleep(0.1)
        (SCRATCH / "silent.silent").touch()
        for _ in range(ROUNDS):
            # Who looks at the figures all the time takes a CPU from it: its time is that of a run that nobody looks at.
            command = bpflame("-a", "-d", 5, "-o", SCRATCH / "hostile.svg")
            start = time.monotonic()
            subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            seconds = time.monotonic() - start
            run = Run(command)
            runs.append((seconds, run.memory / 2**20, run.maps / 2**20, run.cpu, stats_of("stats.json")["samples"]))
    seconds, memory, maps, cpu, samples = (median(column) for column in zip(*runs))
    print(f"| {seconds:.1f} | {memory:.1f} | {maps:.1f} | {cpu:.2f} | {samples:.0f} |\n")


def main():
    # SIGTERM ends it like any other end: the load is stopped, and the switch is put back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    was = STATS_SWITCH.read_text()
    STATS_SWITCH.write_text("1")
    try:
        print(f"Linux {os.uname().release}, {os.cpu_count()} CPUs, {time.strftime('%Y-%m-%d')}\n")
        for table in os.environ["TABLES"].split():
            {"beside": beside, "bare": bare, "cold": cold, "finish": finish, "growth": growth, "hostile": hostile,
             "python": interpreters.python}[table]()
            sys.stdout.flush()
    finally:
        STATS_SWITCH.write_text(was)
        shutil.rmtree(SCRATCH)


main()

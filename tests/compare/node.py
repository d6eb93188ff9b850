"""Records programs from npm with bpflame and with `node --cpu-prof`, and compares the shares of JavaScript functions; see run.

--cpu-prof changes its target: V8 keeps the lines of code that it would not keep else. So each program runs three times: with both at the
same time, with --cpu-prof alone, and with bpflame alone. What --cpu-prof does not tell is left out: samples without a JavaScript function,
and those of the garbage collector. A function's own share has the functions of V8 and of Node.js that it calls, as --cpu-prof has it. Nothing is
inlined in these runs, because --cpu-prof does not tell the functions that were inlined in the code that a sample hits, nor those that were inlined
where a built-in function without a frame was called. Own shares, and those of functions that hardly call others, are told and not judged:
where a sample hits a built-in function without a frame, --cpu-prof may leave out the function that called it, and the next caller gets
its share.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import pprofs
import shares
import workloads

RATE = 499
# Each recording is a block of time of the statistical test.
RECORDINGS = shares.BLOCKS
PACKAGES = ["typescript@5.9.3", "eslint@9.39.1", "@babel/core@7.28.5", "@babel/preset-env@7.28.5", "handlebars@4.7.8", "prettier@3.6.2",
            "terser@5.44.1"]
COLLECTOR = re.compile(r"v8::internal::(Heap::(CollectGarbage|PerformGarbageCollection|FinalizeIncremental)|ScavengerCollector|MarkCompactCollector|"
                       r"IncrementalMarking|Scavenger)|cppgc::")

Function = collections.namedtuple("Function", "name file line")
Function.__str__ = lambda f: f"{f.name} ({os.path.basename(f.file)}:{f.line})"

BEGIN = "const path = __dirname + '/node_modules/'; const fs = require('fs');\nlet run;\n"
END = "\n(async () => { for (;;) { await run(); await new Promise(setImmediate); } })();\n"
NOTHING_INLINED = ["--no-turbo-inlining", "--no-maglev"]
# What each program does, over and over.
PROGRAMS = {
    "typescript": """const ts = require('typescript');
const options = { noEmit: true, allowJs: true, checkJs: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, skipLibCheck: true };
run = () => ts.getPreEmitDiagnostics(ts.createProgram([path + 'eslint/lib/linter/linter.js'], options));""",
    "eslint": """const { Linter } = require('eslint');
const text = fs.readFileSync(path + 'handlebars/dist/handlebars.js', 'utf8'), linter = new Linter(), js = require(path + '@eslint/js');
run = () => linter.verify(text, [js.configs.recommended]);""",
    "babel": """const babel = require('@babel/core');
const text = fs.readFileSync(path + 'handlebars/dist/handlebars.js', 'utf8');
run = () => babel.transformSync(text, { presets: ['@babel/preset-env'], configFile: false, babelrc: false, compact: false });""",
    "handlebars": """const handlebars = require('handlebars');
const text = '{{#each rows}}<tr>{{#each cells}}<td class="{{kind}}">{{value}}{{#if last}}!{{/if}}</td>{{/each}}</tr>{{/each}}';
const rows = Array.from({ length: 200 }, (_, i) => ({ cells: Array.from({ length: 10 }, (_, j) => ({ kind: 'k' + j, value: i * j + '<', last: j == 9 })) }));
run = () => { for (let i = 0; i < 20; i++) handlebars.compile(text)({ rows }); };""",
    "prettier": """const prettier = require('prettier');
const text = fs.readFileSync(path + 'eslint/lib/linter/linter.js', 'utf8');
run = () => prettier.format(text, { parser: 'babel' });""",
    "terser": """const { minify } = require('terser');
const text = fs.readFileSync(path + 'handlebars/dist/handlebars.js', 'utf8');
run = () => minify(text);""",
}
# Of handlebars, --cpu-prof leaves out so many frames above built-in functions without a frame that it tells calls that the program
# does not have. Its samples are of wall-clock time: on a busy machine, phases have other shares.
USUAL = ["typescript", "babel"]


class Sample:
    """The JavaScript functions of a sample, innermost first, and the number of its recording."""

    def __init__(self, time, functions):
        self.time, self.functions, self.leaf = time, functions, functions[0]
        self.pid, self.complete = 0, True


def function(name, url, line):
    return Function(name.replace("(anonymous)", ""), url.removeprefix("file://"), line)


def is_script(url):
    return url.startswith(("node:", "file:")) or url.endswith((".js", ".mjs", ".cjs"))


def profiled(path, windows):
    """The samples of a file of --cpu-prof within these times in nanoseconds."""
    profile = json.loads(path.read_text())
    nodes = {node["id"]: node for node in profile["nodes"]}
    parents = {child: node["id"] for node in profile["nodes"] for child in node.get("children", [])}
    known, now, made = {}, profile["startTime"], []
    for at, step in zip(profile["samples"], profile["timeDeltas"]):
        now += step
        if at not in known:
            known[at] = within(at, nodes, parents)
        block = next((i for i, (begin, end) in enumerate(windows) if begin <= now * 1000 <= end), None)
        if known[at] and block is not None:
            made.append(Sample(block, known[at]))
    return made


def within(at, nodes, parents):
    """The functions of a node and its callers."""
    functions = []
    if nodes[at]["callFrame"]["functionName"] in ("(idle)", "(program)", "(garbage collector)"):
        return functions
    while at is not None:
        frame = nodes[at]["callFrame"]
        if is_script(frame["url"]):
            functions.append(function(frame["functionName"], frame["url"], frame["lineNumber"] + 1))
        at = parents.get(at)
    return functions


def recorded(path, block, pid):
    """The samples of the main thread in a file of pprof."""
    made = []
    for frames, count, labels in pprofs.samples(path):
        kept = [function(*frame) for frame in frames if is_script(frame[1])]
        if kept and labels.get("tid") == pid and not any(COLLECTOR.search(frame[0]) for frame in frames):
            made += [Sample(block, kept)] * count
    return made


def window(path):
    """The time of a recording, by its first and its last sample."""
    times = [int(line.split()[1], 16) for line in open(path, errors="replace") if line.startswith("sample ")]
    return (min(times), max(times)) if times else (0, 0)


def run(node, program, directory, seconds, ours, theirs):
    """The samples of bpflame and of --cpu-prof in one run of a program."""
    options = ["--cpu-prof", f"--cpu-prof-dir={directory}", f"--cpu-prof-interval={10**6 // RATE}"] if theirs else []
    (directory / "end.js").write_text("process.on('SIGUSR2', () => process.exit(0));")
    with open(directory / "errors", "ab") as errors:
        process = subprocess.Popen([node, *options, *NOTHING_INLINED, "-r", directory / "end.js", directory / f"{program}.cjs"], stdout=subprocess.DEVNULL, stderr=errors, cwd=directory)
    windows, samples = [], []
    try:
        time.sleep(4)
        for block in range(RECORDINGS):
            begin = time.monotonic_ns()
            if ours:
                command = [os.environ["BPFLAME"], "record", "-q", "-p", process.pid, "-F", RATE, "-d", max(1, seconds // RECORDINGS),
                           "--save", directory / "tape", "-o", directory / "out.pb.gz"]
                subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                samples += recorded(directory / "out.pb.gz", block, process.pid)
                windows.append(window(directory / "tape"))
            else:
                time.sleep(max(1, seconds // RECORDINGS))
                windows.append((begin, time.monotonic_ns()))
        process.send_signal(12)
        process.wait(60)
    finally:
        process.kill()
        process.wait()
    profiles = list(directory.glob("*.cpuprofile"))
    found = profiled(profiles[0], windows) if theirs else []
    for path in profiles:
        path.unlink()
    return samples, found


def judge(what, ours, theirs, missed):
    leaves, inclusive = shares.leaves(ours, theirs), shares.inclusive(ours, theirs)
    for kind, found in (("self", leaves), ("inclusive", inclusive)):
        for item in found.differ:
            print(f"  {what}: differs ({kind}): {item.function}: {item.ours * 100:.2f} %, --cpu-prof {item.theirs * 100:.2f} %, "
                  f"effective samples {item.effective[0]:.0f} and {item.effective[1]:.0f}, odds {item.odds:.1e}")
        judged = [item for item in found.differ if kind == "inclusive" and calls_most(item, ours)]
        if judged:
            missed.append(f"{what}: {len(judged)}")
    return f"{len(ours)} / {len(theirs)} | {leaves.compared} / {inclusive.compared} | {len(leaves.differ)} / {len(inclusive.differ)}"


def calls_most(item, samples):
    """Whether most of a function's share is that of others that it calls."""
    own = sum(sample.leaf == item.function for sample in samples) / len(samples)
    return own < item.ours / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40, help="length of the recordings of a run")
    parser.add_argument("--modules", help="a directory with node_modules, instead of one with the packages from npm")
    parser.add_argument("programs", nargs="*", help=", ".join(PROGRAMS))
    wanted = parser.parse_args()
    node = os.environ.get("NODE") or workloads.need("node")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="compare-", dir="/var/tmp"))
    missed, rows = [], []
    try:
        if wanted.modules:
            (directory / "node_modules").symlink_to(pathlib.Path(wanted.modules).resolve() / "node_modules")
        else:
            subprocess.run([workloads.need("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, *PACKAGES], check=True)
        for name in wanted.programs or USUAL:
            (directory / f"{name}.cjs").write_text(BEGIN + PROGRAMS[name] + END)
            print(f"{name}:", flush=True)
            both = run(node, name, directory, wanted.seconds, True, True)
            rows.append((name, "at the same time", judge("at the same time", *both, missed)))
            alone, profile = run(node, name, directory, wanted.seconds, True, False)[0], run(node, name, directory, wanted.seconds, False, True)[1]
            rows.append((name, "each alone", judge("each alone", alone, profile, missed)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("\n| program | runs | samples (bpflame / --cpu-prof) | functions compared (self / inclusive) | differ |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    sys.exit(bool(missed))


main()

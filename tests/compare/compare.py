"""Records real programs with bpflame and its peers and compares the stacks; see run."""

import argparse
import collections
import dataclasses
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import recorders
import shares
import stacks
import workloads

# The least share of complete stacks, for programs that have this target.
TARGET = 0.99


@dataclasses.dataclass
class Tools:
    """Paths; None if a tool is not installed."""
    bpflame: str
    perf: str
    otel: str


@dataclasses.dataclass
class Row:
    """A program's line in the table, and its missed targets."""
    program: str
    cells: list
    missed: list


def part(count, of):
    return count / of if of else 0.0


def percent(share):
    return f"{share * 100:.2f} %"


def judge(name, held, recording, show):
    """A program's row. Prints incomplete stacks and differing shares."""
    samples = recording.samples
    counts = {tool: stacks.figures(of) for tool, of in samples.items()}
    dropped = recording.dropped
    seen, sure, whole, reasons = counts["bpflame"]
    count = seen + dropped["bpflame"]
    share, missed = part(whole, count), []
    # A stack that a tool does not report is not complete.
    others = {tool: (part(c[2], c[0] + dropped[tool]), c[0] + dropped[tool]) for tool, c in counts.items() if tool != "bpflame" and c[0]}
    if held and share < TARGET:
        missed.append(f"{percent(share)} of the stacks are complete")
    for tool, (other, other_count) in others.items():
        if count and not shares.not_below(share, count, other, other_count):
            missed.append(f"{tool} has {percent(other)} complete stacks, bpflame {percent(share)}")
    for tool, (*_, why) in counts.items():
        tell_reasons(tool, why, counts[tool][0], show)
    missed += claim(recording.stats, sure, whole, seen)
    for tool, number in dropped.items():
        if number:
            print(f"  {tool} did not report {number} samples of programs that had just started; "
                  f"{percent(part(counts[tool][2], counts[tool][0]))} of the reported ones are complete")
    for note in recording.notes:
        print(f"  {note}")
    cells = [str(count), percent(part(sure, count)), percent(share),
             *[f"{percent(others[tool][0])} of {others[tool][1]}" if tool in others else "–" for tool in ("perf", "otel")]]
    return Row(name, cells + compared(samples, missed), missed)


def claim(stats, sure, whole, count):
    """Checks bpflame's own figures against the list of starts: bpflame may not call more stacks complete."""
    if "complete" not in stats or not count:
        return []
    own_sure, own_whole = stats["complete"], stats["complete"] + stats["complete_with_guess"]
    print(f"  of {count} stacks, bpflame calls {own_sure} complete without a guess and {own_whole} complete; by the list: {sure} and {whole}")
    if own_sure - sure > count / 1000 or own_whole - whole > count / 1000:
        return [f"bpflame calls {own_sure} and {own_whole} stacks complete, of which {sure} and {whole} end at a start"]
    return []


def compared(samples, missed):
    """The cells of the comparison with perf."""
    if "perf" not in samples:
        return ["–"] * 3
    ours, theirs = stacks.within_both(samples["bpflame"], samples["perf"])
    ours, theirs = [[s for s in of if s.user] for of in (ours, theirs)]
    leaves, inclusive = shares.leaves(ours, theirs), shares.inclusive(ours, theirs)
    for what, found in (("leaf", leaves), ("inclusive", inclusive)):
        for item in found.differ:
            print(f"  differs ({what}): {item.function}: {percent(item.ours)}, perf {percent(item.theirs)}, "
                  f"effective samples {item.effective[0]:.0f} and {item.effective[1]:.0f}, odds {item.odds:.1e}")
        if found.differ:
            missed.append(f"{len(found.differ)} {what} shares differ")
    if inclusive.share < 0.995:
        print(f"  inclusive shares are compared over {percent(inclusive.share)} of the samples; in the rest, too few stacks are "
              "complete in both tools")
    verdict = "agree" if not leaves.differ and not inclusive.differ else "differ"
    return [f"{leaves.compared} / {inclusive.compared}", f"{len(leaves.differ)} / {len(inclusive.differ)}", verdict]


def tell_reasons(tool, reasons, count, show):
    """Prints the most frequent causes of incomplete stacks, and `show` stacks of each."""
    for (reason, file), of in sorted(reasons.items(), key=lambda item: -len(item[1]))[:6]:
        roots = collections.Counter(str(s.root) for s in of).most_common(3)
        print(f"  {tool}, incomplete: {len(of)} of {count}, {reason}, ends in {file}: {', '.join(f'{root} {n}' for root, n in roots)}")
        for sample in of[:show]:
            print(sample, end="\n\n")


def one(name, tools, wanted):
    """Records a program and returns its row."""
    begin, held = workloads.PROGRAMS[name]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="compare-", dir="/var/tmp"))
    work = workloads.Work(directory)
    try:
        pid = begin(work)
        time.sleep(2)
        recording = recorders.record(tools, pid, directory, wanted.seconds)
        return judge(name, held, recording, wanted.show)
    finally:
        work.end()
        if wanted.keep:
            print(f"  kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def table(rows):
    print("\n| program | samples | complete without a guess | complete | perf | OpenTelemetry | functions compared (leaf / inclusive) "
          "| differ | verdict |\n|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        cells = row.cells[:-1] + ["; ".join(row.missed) or row.cells[-1]]
        print(f"| {row.program} | {' | '.join(cells)} |")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="length of each recording")
    parser.add_argument("--show", type=int, default=0, help="print this many stacks for each cause of incomplete stacks")
    parser.add_argument("--keep", action="store_true", help="keep the directories")
    parser.add_argument("programs", nargs="*", default=[], help=", ".join(workloads.PROGRAMS))
    return parser.parse_args()


def found(variable, name):
    """A tool's path: from its variable, else from the PATH."""
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        print(f"skipped: {name}: not on the PATH, and {variable}= is not set")
    return path


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = arguments()
    tools = Tools(os.environ["BPFLAME"], found("PERF", "perf"), found("OTEL_PROFILER", "otel-profiler"))
    rows, failed = [], []
    for name in wanted.programs or workloads.PROGRAMS:
        print(f"{name}:", flush=True)
        try:
            rows.append(one(name, tools, wanted))
        except workloads.Absent as absent:
            print(f"  skipped: {name}: {absent}")
        except Exception as error:
            failed.append(name)
            print(f"  failed: {name}: {error!r}")
        sys.stdout.flush()
    table(rows)
    for name in failed:
        print(f"failed: {name}")
    sys.exit(bool(failed) or any(row.missed for row in rows))


main()

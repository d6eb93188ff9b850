"""Records programs from PyPI with bpflame and with py-spy at the same time, and compares the shares of their functions; see run.

py-spy stops the process for each of its samples, and samples it by a clock of its own; bpflame samples the time on the CPU. The programs
wait for nothing, so both see the same. With --native, py-spy's native frames are compared with those of bpflame as well, by name.
"""

import argparse
import collections
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

OUR_RATE, THEIR_RATE = 199, 197
# Each recording is a block of time of the statistical test.
RECORDINGS = shares.BLOCKS
PACKAGES = ["django==5.2.8", "jinja2==3.1.6", "markdown-it-py==4.0.0", "numpy==2.3.5", "pyflakes==3.4.0", "py-spy==0.4.1"]

Function = collections.namedtuple("Function", "name file line")
Function.__str__ = lambda f: f"{f.name} ({os.path.basename(f.file)}:{f.line})"

# What each program does, over and over.
PROGRAMS = {
    "django": """import django
from django.conf import settings
settings.configure(DEBUG=False, SECRET_KEY='-', ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'], DATABASES={'default': {'ENGINE':
    'django.db.backends.sqlite3', 'NAME': ':memory:'}}, TEMPLATES=[{'BACKEND': 'django.template.backends.django.DjangoTemplates'}],
    MIDDLEWARE=['django.middleware.common.CommonMiddleware', 'django.contrib.sessions.middleware.SessionMiddleware'])
django.setup()
from django.db import connection, models
from django.http import HttpResponse
from django.template import engines
from django.test import Client
from django.urls import path
class Row(models.Model):
    name = models.CharField(max_length=20)
    class Meta: app_label = 'rows'
with connection.schema_editor() as editor: editor.create_model(Row)
for i in range(100): Row.objects.create(name=f'row {i}')
page = engines['django'].from_string('{% for row in rows %}<tr><td>{{ row.name|upper }}</td></tr>{% endfor %}')
def rows(request): return HttpResponse(page.render({'rows': Row.objects.filter(name__contains='1').order_by('name')}))
urlpatterns = [path('rows', rows)]
client = Client()
def run(): client.get('/rows')""",
    "jinja2": """import jinja2
page = jinja2.Template('{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell|e }}{{ loop.index }}</td>{% endfor %}</tr>{% endfor %}')
rows = [[f'{i} < {j}' for j in range(10)] for i in range(50)]
def run(): page.render(rows=rows); jinja2.Environment().parse('{{ a + b }}' * 20)""",
    "markdown": """import markdown_it
text = '# A *title*\\n\\nSome `code` and a [link](http://example.org).\\n\\n- one\\n- two\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n' * 20
def run(): markdown_it.MarkdownIt().enable('table').render(text)""",
    "numpy": """import numpy
numbers = numpy.random.default_rng(1).random((300, 300))
def solve(): return numpy.linalg.solve(numbers, numbers.sum(axis=1))
def run(): numpy.sort(numbers, axis=None); numpy.median(numbers); solve(); numpy.convolve(numbers[0], numbers[1])""",
    "pyflakes": """import ast, argparse, pyflakes.checker
text = open(argparse.__file__).read()
def run(): pyflakes.checker.Checker(ast.parse(text)).report""",
}
USUAL = ["django", "jinja2", "numpy"]
END = "\nwhile True: run()\n"


class Sample:
    """The functions of a sample, innermost first, and the number of its recording."""

    def __init__(self, time, functions):
        self.time, self.functions, self.leaf = time, functions, functions[0]
        self.pid, self.complete = 0, True


def ours(path, block):
    """The samples of a file of pprof: the functions that have a line of definition in a Python file."""
    made = []
    for frames, count, _ in pprofs.samples(path):
        functions = [Function(name, file, line) for name, file, line in frames if file.endswith(".py") or file.startswith("<")]
        if functions:
            made += [Sample(block, functions)] * count
    return made


def theirs(path, block):
    """The samples of py-spy's folded stacks."""
    made = []
    for stack, count in (line.rsplit(" ", 1) for line in path.read_text().splitlines()):
        frames = [re.fullmatch(r"(.*) \((.*):(\d+)\)", frame) for frame in stack.split(";")]
        functions = [Function(frame[1], frame[2], int(frame[3])) for frame in reversed(frames) if frame]
        if functions:
            made += [Sample(block, functions)] * int(count)
    return made


def record(python, program, directory, seconds):
    """The samples of both in a run of a program."""
    with open(directory / "errors", "ab") as errors:
        process = subprocess.Popen([python, directory / f"run_{program}.py"], stdout=subprocess.DEVNULL, stderr=errors, cwd=directory)
    samples = [], []
    length = max(1, seconds // RECORDINGS)
    try:
        time.sleep(3)
        for block in range(RECORDINGS):
            commands = [[os.environ["BPFLAME"], "record", "-q", "-p", process.pid, "-F", OUR_RATE, "-d", length, "-o", directory / "out.pb.gz"],
                        [python.parent / "py-spy", "record", "-p", process.pid, "-r", THEIR_RATE, "-d", length, "-f", "raw", "--function",
                         "--full-filenames", "-o", directory / "out.raw"]]
            running = [subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL) for command in commands]
            if any([each.wait() for each in running]):
                sys.exit(f"a tool failed at {program}: {(directory / 'errors').read_text()[-400:]}")
            samples[0].extend(ours(directory / "out.pb.gz", block))
            samples[1].extend(theirs(directory / "out.raw", block))
    finally:
        process.kill()
        process.wait()
    return samples


def judge(name, samples, missed):
    leaves, inclusive = shares.leaves(*samples), shares.inclusive(*samples)
    for kind, found in (("self", leaves), ("inclusive", inclusive)):
        for item in found.differ:
            print(f"  differs ({kind}): {item.function}: {item.ours * 100:.2f} %, py-spy {item.theirs * 100:.2f} %, "
                  f"effective samples {item.effective[0]:.0f} and {item.effective[1]:.0f}, odds {item.odds:.1e}")
        if found.differ:
            missed.append(f"{name}: {len(found.differ)} {kind}")
    return [name, " / ".join(str(len(of)) for of in samples), f"{leaves.compared} / {inclusive.compared}",
            f"{len(leaves.differ)} / {len(inclusive.differ)}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40, help="length of the recordings of a program")
    parser.add_argument("--environment", help="a virtual environment, instead of one with the packages from PyPI")
    parser.add_argument("programs", nargs="*", help=", ".join(PROGRAMS))
    wanted = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="compare-", dir="/var/tmp"))
    missed, rows = [], []
    try:
        environment = pathlib.Path(wanted.environment or directory / "environment").resolve()
        if not wanted.environment:
            subprocess.run([workloads.need("python3"), "-m", "venv", environment], check=True)
            subprocess.run([environment / "bin/pip", "install", "-q", *PACKAGES], check=True)
        for name in wanted.programs or USUAL:
            (directory / f"run_{name}.py").write_text(PROGRAMS[name] + END)
            print(f"{name}:", flush=True)
            rows.append(judge(name, record(environment / "bin/python3", name, directory, wanted.seconds), missed))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("\n| program | samples (bpflame / py-spy) | functions compared (self / inclusive) | differ |\n|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    sys.exit(bool(missed))


main()

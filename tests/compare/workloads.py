"""Programs at work, each with a directory of its own: what is started is ended by its id."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import threading
import time

import elf
import sources


class Absent(Exception):
    """What a workload needs and this machine lacks."""


def need(*names):
    """The paths of commands; Debian's own where there are several."""
    paths = [shutil.which(name, path="/usr/bin:/usr/local/go/bin:" + os.environ["PATH"]) for name in names]
    missing = [name for name, path in zip(names, paths) if not path]
    if missing:
        raise Absent(f"{', '.join(missing)} is not installed")
    return paths if len(paths) > 1 else paths[0]


class Work:
    """A workload's directory and processes."""

    def __init__(self, directory):
        self.directory, self.running = pathlib.Path(directory), []
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8"}

    def start(self, command, **more):
        """Starts a process in a session of its own."""
        with open(self.directory / "errors", "ab") as errors:
            process = subprocess.Popen([str(word) for word in command], **{"stdin": subprocess.DEVNULL} | more,
                                       stdout=subprocess.DEVNULL, stderr=errors, cwd=self.directory, env=self.environment,
                                       start_new_session=True)
        self.running.append(process)
        return process.pid

    def run(self, command, **more):
        """Runs a command to its end."""
        return subprocess.run([str(word) for word in command], cwd=self.directory, env=self.environment, check=True,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, **more).stdout

    def feed(self, command, text):
        """Starts a process that reads the same text over and over."""
        pid = self.start(command, stdin=subprocess.PIPE)
        threading.Thread(target=pour, args=(self.running[-1].stdin, text.encode()), daemon=True).start()
        return pid

    def loop(self, command):
        """A shell that runs a command line over and over."""
        return self.start(["/bin/sh", "-c", f"while :; do {command}; done"])

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def end(self):
        for process in reversed(self.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def pour(pipe, text):
    with contextlib.suppress(OSError):
        while True:
            pipe.write(text)


def descendants(pid):
    """A process and all that come from it now."""
    found, at = [pid], 0
    while at < len(found):
        for task in pathlib.Path(f"/proc/{found[at]}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
        at += 1
    return found


def ready(what, look):
    for _ in range(600):
        if look():
            return
        time.sleep(0.1)
    raise RuntimeError(f"{what} does not come up")


def succeeds(command):
    return subprocess.run([str(w) for w in command], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def redis(work):
    server, client, benchmark = need("redis-server", "redis-cli", "redis-benchmark")
    socket = work.directory / "redis.sock"
    pid = work.start([server, "--port", 0, "--unixsocket", socket, "--save", "", "--appendonly", "no"])
    ready("redis-server", lambda: succeeds([client, "-s", socket, "ping"]))
    work.loop(f"{benchmark} -q -s {socket} -n 200000 -c 20 -d 100 -r 100000 "
              "-t set,get,incr,lpush,rpop,sadd,hset,spop,zadd,lrange_100,mset")
    return pid


def postgres(work):
    directories = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not directories:
        raise Absent("postgresql is not installed")
    pgbench = need("pgbench")
    work.directory.chmod(0o755)
    data = work.directory / "data"
    data.mkdir()
    user = next(u for u in ("postgres", "nobody") if user_exists(u))
    shutil.chown(data, user)
    someone = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    work.run([directories[-1] / "initdb", "-D", data, "-A", "trust", "-U", "bench", "--no-sync"], **someone)
    pid = work.start([directories[-1] / "postgres", "-D", data, "-k", data, "-c", "listen_addresses=", "-c", "fsync=off",
                      "-c", "jit=off"], **someone)
    client = [pgbench, "-h", data, "-U", "bench"]
    ready("postgres", lambda: succeeds([directories[-1] / "pg_isready", "-q", "-h", data]))
    work.run([directories[-1] / "createdb", "-h", data, "-U", "bench", "bench"])
    work.run([*client, "-i", "-s", 2, "bench"])
    query = work.file("query.sql", sources.QUERIES)
    work.start([*client, "-n", "-c", 2, "-T", 100000, "-b", "tpcb-like@3", "-f", f"{query}@1", "bench"])
    return pid


def user_exists(name):
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))


def python(work):
    return work.start([need("python3"), work.file("work.py", sources.PYTHON)])


def node(work):
    return work.start([need("node"), "--perf-basic-prof", work.file("work.js", sources.JAVASCRIPT)])


def java(*options):
    def begin(work):
        java, javac, jcmd = need("java", "javac", "jcmd")
        work.file("Work.java", sources.JAVA)
        work.run([javac, "Work.java"])
        pid = work.start([java, *options, "-Xmx256m", "-cp", ".", "Work"])
        time.sleep(8)
        work.run([jcmd, pid, "Compiler.perfmap"])
        return pid
    return begin


def compiler(work):
    source = work.file("templates.cc", sources.CPP)
    return work.loop(f"{need('g++')} -O2 -c {source} -o /dev/null")


def git(work):
    git = need("git")
    repository = work.directory / "repository"
    repository.mkdir()
    work.file("history.py", sources.HISTORY)
    work.run([git, "init", "-q", repository])
    work.run(["/bin/sh", "-c", f"{need('python3')} history.py | {git} -C {repository} fast-import --quiet"])
    return work.loop(f"cd {repository}; {git} log -p --stat main; {git} grep -c 'e[a-f]*1[0-9].*7' $({git} rev-list main | head -n 150); "
                     f"{git} log --format=%H -S123 main; {git} gc -q --prune=now; {git} repack -q -a -d -f")


def sqlite(work):
    return work.feed([need("sqlite3"), ":memory:"], sources.SQL)


def go(work):
    go = need("go")
    work.file("work.go", sources.GO)
    work.environment |= {"GOCACHE": str(work.directory / "cache"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
    work.run([go, "build", "-ldflags=-buildid=", "-o", "twin", "work.go"])
    work.run([go, "build", "-ldflags=-s -w -buildid=", "-o", "work", "work.go"])
    # The addresses are the same where the tables of functions are.
    twin, stripped = [image.bytes[head[4]:head[4] + head[5]]
                      for image in map(elf.Image, (work.directory / "twin", work.directory / "work"))
                      for head in [image.sections[".gopclntab"]]]
    if twin == stripped:
        elf.TWINS[str(work.directory / "work")] = str(work.directory / "twin")
    return work.start([work.directory / "work"])


CLIP = "-v error -nostdin -y -f lavfi -i testsrc2=size=640x360:rate=25:duration=2,noise=alls=12:allf=t -pix_fmt yuv420p"


def dav1d(work):
    ffmpeg, dav1d = need("ffmpeg", "dav1d")
    work.run(f"{ffmpeg} {CLIP} -c:v libaom-av1 -cpu-used 8 -row-mt 1 -b:v 600k short.ivf".split())
    work.run(f"{ffmpeg} -v error -nostdin -stream_loop 300 -i short.ivf -c copy clip.ivf".split())
    return work.loop(f"{dav1d} -q -i clip.ivf --muxer null -o /dev/null")


def vpxenc(work):
    ffmpeg, vpxenc = need("ffmpeg", "vpxenc")
    work.run(f"{ffmpeg} {CLIP} short.y4m".split())
    work.run(f"{ffmpeg} -v error -nostdin -stream_loop 5 -i short.y4m clip.y4m".split())
    return work.loop(f"{vpxenc} -q --cpu-used=5 --rt --target-bitrate=500 -o /dev/null clip.y4m")


# Name, how to begin, and whether the target of whole stacks holds for it: a runtime's own code may break them. Processes live long, but
# for the compiler's and git's, which start new ones all the time.
PROGRAMS = {
    "redis-server": (redis, True),
    "postgres": (postgres, True),
    "python3": (python, True),
    "node": (node, False),
    "java": (java(), False),
    "java, frame pointers": (java("-XX:+PreserveFramePointer"), False),
    "cc1plus": (compiler, True),
    "git": (git, True),
    "sqlite3": (sqlite, True),
    "go, stripped": (go, True),
    "dav1d": (dav1d, True),
    "vpxenc": (vpxenc, True),
}

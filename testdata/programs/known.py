"""Calls whose chain is known. A line that calls one of these functions says so: `# calls NAME`. A test reads that, and compares it with the
frames of each sample: the name, the line of the definition, and the line of the call. `# is NAME` gives a function the name that it is
shown by. It runs on CPython 3.8 and later, for as many seconds as its argument says."""

import sys
import threading
import time


def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def plain(n):
    return work(n)  # calls work


class Thing:
    def method(self, n):
        return plain(n)  # calls plain

    @classmethod
    def of_class(cls, n):
        return cls().method(n)  # calls method __init__

    @property
    def value(self):
        return self.method(90)  # calls method

    def __init__(self):
        self.made = work(20)  # calls work

    def __lt__(self, other):
        work(60)  # calls work
        return id(self) < id(other)


def outer(n):
    def inner(m):
        return work(m)  # calls work

    return inner(n)  # calls inner


def decorated(function):
    def wrapper(*arguments):
        return function(*arguments)  # calls wrapped

    return wrapper


@decorated
def wrapped(n):  # starts at the line of its decorator
    return work(n)  # calls work


def generator(n):
    for _ in range(n):
        yield work(80)  # calls work


def delegates(n):
    yield from generator(n)  # calls generator


def consumes(n):
    total = 0
    for one in delegates(n):  # calls delegates
        total += one
    return total


async def awaited(n):
    return work(n)  # calls work


async def awaits(n):
    return await awaited(n)  # calls awaited


def coroutine(n):
    try:
        awaits(n).send(None)  # calls awaits
    except StopIteration as stop:
        return stop.value


def key(n):
    return work(40) + n  # calls work


def from_c():
    sorted(range(8), key=key)  # calls key
    return max(map(key, range(8)))  # calls key


def deep(n):
    if n == 0:
        return plain(120)  # calls plain
    return deep(n - 1)  # calls deep


def raises(n):
    work(n)  # calls work
    raise ValueError(n)


def catches(n):
    try:
        raises(n)  # calls raises
    except ValueError:
        return work(n)  # calls work


double = lambda n: work(n) + work(n)  # is <lambda> calls work


def all_of_them():
    plain(200)  # calls plain
    Thing().method(200)  # calls method __init__
    Thing.of_class(200)  # calls of_class
    Thing().value  # calls value __init__
    sorted([Thing(), Thing(), Thing()])  # calls __lt__ __init__
    outer(200)  # calls outer
    wrapped(200)  # calls wrapper
    consumes(5)  # calls consumes
    coroutine(200)  # calls coroutine
    from_c()  # calls from_c
    deep(30)  # calls deep
    catches(150)  # calls catches
    double(100)  # calls <lambda>


def known():
    while time.monotonic() < end:
        all_of_them()  # calls all_of_them


end = time.monotonic() + float(sys.argv[1])
threads = [threading.Thread(target=known) for _ in range(2)]
for thread in threads:
    thread.start()
known()
for thread in threads:
    thread.join()

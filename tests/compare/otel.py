"""Receives what the OpenTelemetry profiler sends: as much of a gRPC server as that one client needs, and of the OTLP messages as
much as stacks need."""

import gzip
import socket
import struct
import threading

import stacks

SETTINGS = struct.pack(">HIHI", 4, 2**31 - 1, 5, 2**24 - 1)
DATA, HEADERS, SETTING, PING, WINDOW = 0, 1, 4, 6, 8


class Receiver:
    """Listens on a port of its own; the requests' messages in their order."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.messages = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self, connection):
        stream, bodies = connection.makefile("rb"), {}
        if not stream.read(24).startswith(b"PRI"):
            return
        connection.sendall(frame(SETTING, 0, 0, SETTINGS) + frame(WINDOW, 0, 0, struct.pack(">I", 2**31 - 2**16)))
        while len(head := stream.read(9)) == 9:
            kind, flags, number = head[3], head[4], struct.unpack(">I", head[5:])[0]
            body = stream.read(int.from_bytes(head[:3], "big"))
            if kind in (SETTING, PING) and not flags & 1:
                connection.sendall(frame(kind, 1, 0, body if kind == PING else b""))
            if kind == DATA:
                bodies[number] = bodies.get(number, b"") + (body[1:len(body) - body[0]] if flags & 8 else body)
            if kind in (DATA, HEADERS) and flags & 1:
                self.take(bodies.pop(number, b""))
                connection.sendall(answer(number))

    def take(self, body):
        if len(body) > 5:
            self.messages.append(gzip.decompress(body[5:]) if body[0] else body[5:])


def frame(kind, flags, number, body):
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack(">I", number) + body


def header(name, value):
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


def answer(number):
    """Status 200 (one of the fixed table), an empty message, and success."""
    return (frame(HEADERS, 4, number, b"\x88" + header(b"content-type", b"application/grpc")) +
            frame(DATA, 0, number, bytes(5)) + frame(HEADERS, 5, number, header(b"grpc-status", b"0")))


def fields(data):
    """A message's fields: number and value."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            value, at = data[at:at + 4], at + 4
        yield key >> 3, value


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def numbers(data):
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def every(data, wanted):
    return [value for number, value in fields(data) if number == wanted]


def first(data, wanted, default=b""):
    return next((value for number, value in fields(data) if number == wanted), default)


class Dictionary:
    """The tables that samples point into."""

    def __init__(self, data):
        tables = {number: every(data, number) for number in range(1, 8)}
        self.strings = [text.decode(errors="replace") for text in tables[5]]
        self.files = [self.strings[first(mapping, 4, 0)] for mapping in tables[1]]
        self.names = [self.strings[first(function, 1, 0)] for function in tables[3]]
        self.attributes = [(self.strings[first(a, 1, 0)], first(a, 2)) for a in tables[6]]
        self.locations = [self.location(location) for location in tables[2]]
        self.stacks = [[self.locations[i] for part in every(stack, 1) for i in indices(part)] for stack in tables[7]]

    def location(self, data):
        kinds = [first(value, 1).decode() for part in every(data, 4) for i in indices(part)
                 for key, value in [self.attributes[i]] if key == "profile.frame.type"]
        line = first(data, 3)
        name = self.names[first(line, 1, 0)] if line else ""
        return (kinds or [""])[0], self.files[first(data, 1, 0)], first(data, 2, 0), name


def indices(part):
    return [part] if isinstance(part, int) else numbers(part)


def samples(messages, pids, offset):
    """The samples of these processes; `offset` takes wall time to the monotonic clock. Stacks are by ELF address, names as they came."""
    made = []
    for message in messages:
        dictionary = Dictionary(first(message, 2))
        for resource in every(message, 1):
            pid = process(first(resource, 1))
            if pid in pids:
                for scope in every(resource, 2):
                    for profile in every(scope, 2):
                        for sample in every(profile, 2):
                            made += of(sample, pid, dictionary, offset)
    return made


def process(resource):
    for attribute in every(resource, 1):
        if first(attribute, 1) == b"process.pid":
            return first(first(attribute, 2), 3, 0)
    return 0


def of(data, pid, dictionary, offset):
    frames = dictionary.stacks[first(data, 1, 0)]
    kernel = tuple(f for f in frames if f[0] == "kernel")
    user = tuple(f for f in frames if f[0] != "kernel")
    times = [int.from_bytes(part[i:i + 8], "little") for part in every(data, 5) for i in range(0, len(part), 8)]
    return [stacks.Sample(time + offset, pid, kernel, user) for time in times or [0]]

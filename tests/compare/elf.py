"""The functions of an ELF file: by its symbols, those of its debug file, and the ranges of `.eh_frame`."""

import bisect
import functools
import mmap
import os
import struct

DEBUG_FILES = "/usr/lib/debug/.build-id"
# Stripped programs whose symbols stand in a file of their own: a path, and the path of the twin.
TWINS = {}


class Image:
    """Sections and segments of a 64-bit little-endian file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.bytes[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no ELF file that is read here")
        self.entry, segments, sections = struct.unpack_from("<QQQ", self.bytes, 24)
        size, count, section_size, section_count, names = struct.unpack_from("<5H", self.bytes, 54)
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.bytes, segments + i * size) for i in range(count)]
        heads = [struct.unpack_from("<IIQQQQIIQQ", self.bytes, sections + i * section_size)
                 for i in range(section_count)]
        self.sections = {}
        for head in heads:
            start = heads[names][4] + head[0]
            self.sections.setdefault(self.bytes[start:self.bytes.find(b"\0", start)].decode(), head)
        self.heads = heads

    def address(self, offset):
        """The virtual address of a file offset, or None."""
        for kind, _, start, address, _, size, *_ in self.segments:
            if kind == 1 and start <= offset < start + size:
                return offset - start + address
        return None

    def build_id(self):
        head = self.sections.get(".note.gnu.build-id")
        return self.bytes[head[4] + 16:head[4] + head[5]].hex() if head else None

    def symbols(self):
        """Functions with a size: start, end, name."""
        for name in (".symtab", ".dynsym"):
            head = self.sections.get(name)
            if not head or head[1] == 8:
                continue
            names = self.heads[head[6]][4]
            for text, info, _, section, start, size in struct.iter_unpack("<IBBHQQ", self.bytes[head[4]:head[4] + head[5]]):
                if info & 15 in (2, 10) and section and size:
                    at = names + text
                    yield start, start + size, self.bytes[at:self.bytes.find(b"\0", at)].decode(errors="replace")

    def described(self):
        """Ranges of `.eh_frame`, by the sorted table of `.eh_frame_hdr`: start, end."""
        head, frame = self.sections.get(".eh_frame_hdr"), self.sections.get(".eh_frame")
        if not head or not frame or self.bytes[head[4]:head[4] + 4] != b"\x01\x1b\x03\x3b":
            return
        count, = struct.unpack_from("<I", self.bytes, head[4] + 8)
        for start, entry in struct.iter_unpack("<ii", self.bytes[head[4] + 12:head[4] + 12 + 8 * count]):
            at = head[3] + entry - frame[3] + frame[4]
            size, = struct.unpack_from("<i", self.bytes, at + 12)
            yield head[3] + start, head[3] + start + size


class Functions:
    """From a virtual address to the function there."""

    def __init__(self, path):
        self.image = Image(path)
        found = {}
        for image in [self.image, *self.others(path)]:
            for start, end, name in image.symbols():
                old = found.get(start, (0, name))
                # Of several names the shortest, which is the same in each run.
                found[start] = max(end, old[0]), min(old[1], name, key=lambda n: (len(n), n))
        self.fill(found)
        # What calls main has this name, whatever is stripped; the dynamic linker's is described by nothing.
        entry = self.image.entry
        if entry:
            found[entry] = found.get(entry, (entry + 64, None))[0], "_start"
        self.lay_out(found)

    def fill(self, found):
        """Adds the ranges of `.eh_frame` where there is no symbol."""
        self.lay_out(found)
        for start, end in self.image.described():
            if start not in found and self.at(start)[1] is None:
                found[start] = end, None

    def lay_out(self, found):
        self.starts = sorted(found)
        self.ends = [found[start][0] for start in self.starts]
        self.names = [found[start][1] for start in self.starts]

    def others(self, path):
        build_id = self.image.build_id()
        paths = [TWINS.get(path), build_id and f"{DEBUG_FILES}/{build_id[:2]}/{build_id[2:]}.debug"]
        return [Image(other) for other in paths if other and os.path.exists(other)]

    def at(self, address):
        """Where the function begins, and its name or None; code that nothing covers is one with the gap it lies in."""
        at = bisect.bisect_right(self.starts, address) - 1
        # A short symbol may lie in a longer one.
        for back in range(at, max(at - 4, -1), -1):
            if address < self.ends[back]:
                return self.starts[back], self.names[back]
        return (self.ends[at] if at >= 0 else 0), None


@functools.cache
def functions(path):
    """The functions of a file, or None where it cannot be read."""
    try:
        return Functions(path)
    except (OSError, ValueError, struct.error):
        return None

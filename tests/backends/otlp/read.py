#!/usr/bin/env python3
"""Reads requests of OpenTelemetry's profiles with the official stubs, and prints what is in them as JSON.

Usage: read.py FILE…    (needs the packages opentelemetry-proto==1.45.2 and protobuf)

FILE: the body of an ExportProfilesServiceRequest, not compressed or with gzip. Printed is one object a file: `profiles`,
each with its type, unit, sum, samples, period, time, and the resource's attributes; `functions`, the sum of each
function's own values (where it is the leaf) by type; and `attributes`, how often each key stands at what.
The exit code is 1 where an index lies outside its table, a table does not begin with the zero value, or a field is not
known to the stubs.
"""

import collections
import gzip
import json
import sys

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2 as service
from opentelemetry.proto.profiles.v1development import profiles_pb2 as profiles

ZERO = {
    "mapping_table": profiles.Mapping(),
    "location_table": profiles.Location(),
    "function_table": profiles.Function(),
    "link_table": profiles.Link(),
    "string_table": "",
    "attribute_table": profiles.KeyValueAndUnit(),
    "stack_table": profiles.Stack(),
}


class Dictionary:
    """The tables, read with bounds: Python takes -1 for the last row."""

    def __init__(self, tables):
        self.tables = tables
        self.seen = collections.Counter()
        for name, zero in ZERO.items():
            table = getattr(tables, name)
            if len(table) == 0 or table[0] != zero:
                raise ValueError(f"{name} does not begin with the zero value")

    def at(self, name, index):
        table = getattr(self.tables, name)
        if not 0 <= index < len(table):
            raise ValueError(f"row {index} of {name}, which has {len(table)}")
        return table[index]

    def text(self, index):
        return self.at("string_table", index)

    def type(self, value_type):
        return f"{self.text(value_type.type_strindex)}/{self.text(value_type.unit_strindex)}"

    def attributes(self, where, indices):
        told = {}
        for index in indices:
            row = self.at("attribute_table", index)
            self.text(row.unit_strindex)
            key = self.text(row.key_strindex)
            if key in told:
                raise ValueError(f"{key} is there twice")
            told[key] = value(row.value)
            self.seen[f"{where} {key}"] += 1
        return told

    def location(self, index):
        """The location's functions, innermost first."""
        location = self.at("location_table", index)
        mapping = self.at("mapping_table", location.mapping_index)
        self.text(mapping.filename_strindex)
        self.attributes("mapping", mapping.attribute_indices)
        self.attributes("location", location.attribute_indices)
        names = []
        for line in location.lines:
            function = self.at("function_table", line.function_index)
            self.text(function.system_name_strindex)
            file = self.text(function.filename_strindex)
            names.append(f"{self.text(function.name_strindex)} {file}:{line.line}")
        return names or [hex(location.address)]

    def stack(self, index):
        """Leaf first."""
        stack = self.at("stack_table", index)
        return [name for row in stack.location_indices for name in self.location(row)]


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind is None:
        raise ValueError("an attribute without a value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind)


def unknown_fields(message):
    """Whether the stubs do not know a field of the message, or of one in it."""
    again = type(message)()
    again.ParseFromString(message.SerializeToString())
    size = again.ByteSize()
    again.DiscardUnknownFields()
    return again.ByteSize() != size


def profile(dictionary, message, resource, functions):
    kind = dictionary.type(message.sample_type)
    period_type = dictionary.type(message.period_type)
    dictionary.attributes("profile", message.attribute_indices)
    total = 0
    for sample in message.samples:
        dictionary.at("link_table", sample.link_index)
        dictionary.attributes("sample", sample.attribute_indices)
        stack = dictionary.stack(sample.stack_index)
        own = sum(sample.values)
        total += own
        functions[kind][stack[0] if stack else ""] += own
    return {
        "type": kind,
        "sum": total,
        "samples": len(message.samples),
        "period": f"{message.period} {period_type}",
        "time": message.time_unix_nano,
        "duration": message.duration_nano,
        "id": message.profile_id.hex(),
        "resource": resource,
    }


def read(path):
    with open(path, "rb") as file:
        body = file.read()
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    request = service.ExportProfilesServiceRequest.FromString(body)
    if unknown_fields(request):
        raise ValueError("fields that the stubs do not know")
    dictionary = Dictionary(request.dictionary)
    functions = collections.defaultdict(collections.Counter)
    told = []
    for of in request.resource_profiles:
        resource = {pair.key: value(pair.value) for pair in of.resource.attributes}
        for scope in of.scope_profiles:
            for message in scope.profiles:
                told.append(profile(dictionary, message, resource, functions))
    return {
        "file": path,
        "profiles": told,
        "functions": {kind: dict(sums.most_common()) for kind, sums in functions.items()},
        "attributes": dict(sorted(dictionary.seen.items())),
    }


def main(paths):
    if not paths:
        sys.exit(__doc__)
    for path in paths:
        try:
            print(json.dumps(read(path), indent=1))
        except (ValueError, OSError, DecodeError) as error:
            sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])

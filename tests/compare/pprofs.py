"""What comparisons read of pprof files."""

import gzip

import otel


def samples(path):
    """Each sample's functions, innermost first, as name, file and line of the definition; its count, and its labels that are numbers."""
    data = gzip.decompress(path.read_bytes())
    strings = [text.decode(errors="replace") for text in otel.every(data, 6)]
    functions = {}
    for each in otel.every(data, 5):
        facts = dict(otel.fields(each))
        functions[facts[1]] = strings[facts.get(2, 0)], strings[facts.get(4, 0)], facts.get(5, 0)
    locations = {otel.first(each, 1): [functions[otel.first(line, 1)] for line in otel.every(each, 4)] for each in otel.every(data, 4)}
    for each in otel.every(data, 2):
        frames = [frame for part in otel.every(each, 1) for at in otel.indices(part) for frame in locations[at]]
        labels = {strings[otel.first(label, 1)]: otel.first(label, 3, 0) for label in otel.every(each, 3)}
        yield frames, next(n for part in otel.every(each, 2) for n in otel.indices(part)), labels
